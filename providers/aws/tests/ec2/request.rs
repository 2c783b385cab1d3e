use std::collections::BTreeMap;

/// A call of the EC2 API (Query protocol), as it came over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request line and the headers that matter.
    pub authorization: String,
    pub parameters: BTreeMap<String, String>,
}

impl Request {
    pub fn parse(authorization: String, body: &str) -> Self {
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let parameters = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
        Self { authorization, parameters }
    }

    /// Another call with the same credentials.
    pub fn other(&self, action: &str, parameters: &[(&str, &str)]) -> Self {
        let mut all = BTreeMap::from([
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), "2016-11-15".to_owned()),
        ]);
        all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { authorization: self.authorization.clone(), parameters: all }
    }

    pub fn action(&self) -> &str {
        self.get("Action")
    }

    /// A parameter; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// The value of the tag `mprov:token` in a call that makes something.
    pub fn token(&self) -> Option<&str> {
        let key = self.parameters.iter().find(|(_, value)| *value == "mprov:token")?.0;
        let prefix = key.strip_suffix(".Key").filter(|prefix| prefix.contains("TagSpecification"))?;
        Some(self.get(&format!("{prefix}.Value")))
    }

    pub fn body(&self) -> String {
        let pairs =
            self.parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let code = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.push(code.expect("two digits behind a per cent sign"));
                at += 3;
            }
            b'+' => {
                out.push(b' ');
                at += 1;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).expect("text")
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
