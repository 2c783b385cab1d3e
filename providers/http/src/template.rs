use mprov_sdk::{Fault, Object, Value};

/// What stands for `{id}` and `{token}` in paths, headers and bodies.
///
/// Only braces in strings: HCL itself interpolates `${…}`, so these reach the provider as they are.
#[derive(Clone, Copy, Debug)]
pub struct Fill<'a> {
    pub id: Option<&'a str>,
    /// The idempotency token of the step; none outside of creates.
    pub token: Option<&'a str>,
}

/// The names that may stand in braces. `{+id}` is put in as it is, for ids that are paths
/// themselves (RFC 6570, reserved expansion).
const NAMES: [&str; 3] = ["id", "+id", "token"];

/// The names in braces in a path; an error names the one that means nothing. A path cannot hold
/// braces otherwise (RFC 3986, section 2).
pub fn placeholders(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let inner = &rest[at..];
        let end = inner.find('}').ok_or_else(|| inner.to_owned())?;
        let name = inner.get(1..end).unwrap_or_default();
        if !NAMES.contains(&name) {
            return Err(inner[..=end].to_owned());
        }
        found.push(name);
        rest = &inner[end + 1..];
    }
    Ok(found)
}

impl Fill<'_> {
    /// A path: what is put in is one segment of it, whatever it holds.
    ///
    /// # Errors
    /// An id that would address something else: `DELETE /servers/` with an empty id is not the
    /// delete of one server.
    pub fn path(&self, text: &str) -> Result<String, Fault> {
        let names = placeholders(text).map_err(|name| {
            Fault::new(format!("\"{name}\" in the path {text} means nothing"))
                .detail("Paths know {id}, {+id} and {token}.")
        })?;
        let mut path = text.to_owned();
        for name in names {
            let value = match name {
                "token" => self.token,
                _ => self.id,
            };
            let Some(value) = value else {
                return Err(Fault::new(format!("{{{name}}} in the path {text} is not known here")));
            };
            if value.is_empty() || (name != "+id" && (value == "." || value == "..")) {
                return Err(Fault::new(format!("\"{value}\" cannot stand for {{{name}}} in {text}"))
                    .detail("It would address something else than one thing."));
            }
            let value = if name == "+id" { value.to_owned() } else { encoded(value) };
            path = path.replacen(&format!("{{{name}}}"), &value, 1);
        }
        Ok(path)
    }

    /// A header's value or a text to compare with.
    pub fn text(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, value) in [("{id}", self.id), ("{token}", self.token)] {
            if let Some(value) = value {
                filled = filled.replace(name, value);
            }
        }
        filled
    }

    /// A body: strings that are a placeholder and nothing else. Longer ones are sent untouched,
    /// because a script among them may hold such braces.
    pub fn body(&self, value: &Value) -> Value {
        let items = |items: &[Value]| items.iter().map(|v| self.body(v)).collect::<Vec<_>>();
        let entries =
            |object: &Object| object.iter().map(|(k, v)| (k.clone(), self.body(v))).collect::<Object>();
        match value {
            Value::String(text) => match (&**text, self.id, self.token) {
                ("{id}", Some(id), _) => id.into(),
                ("{token}", _, Some(token)) => token.into(),
                _ => value.clone(),
            },
            Value::List(v) | Value::Set(v) | Value::Tuple(v) => Value::tuple(items(v)),
            Value::Map(o) | Value::Object(o) => Value::from(entries(o)),
            Value::Sensitive(inner) => self.body(inner).sensitive(),
            other => other.clone(),
        }
    }
}

/// Everything but the unreserved characters of RFC 3986 is encoded.
fn encoded(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(byte.into()),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILL: Fill<'_> = Fill { id: Some("a/b ?"), token: Some("t-1") };

    #[test]
    fn an_id_is_one_segment_of_a_path() {
        assert_eq!(FILL.path("/x/{id}/y?k={token}").expect("filled"), "/x/a%2Fb%20%3F/y?k=t-1");
        assert_eq!(FILL.path("{+id}").expect("filled"), "a/b ?");
    }

    #[test]
    fn an_id_that_would_address_something_else_is_refused() {
        for id in ["", ".", ".."] {
            let fill = Fill { id: Some(id), token: None };
            assert!(fill.path("/servers/{id}").is_err(), "{id}");
        }
        assert!(Fill { id: None, token: None }.path("/servers/{id}").is_err());
    }

    #[test]
    fn what_means_nothing_is_told() {
        assert_eq!(placeholders("/a/{id}/{+id}?{token}"), Ok(vec!["id", "+id", "token"]));
        for (text, wrong) in [("/a/{name}", "{name}"), ("/a/{id", "{id"), ("/a}", "}"), ("/{", "{")] {
            assert_eq!(placeholders(text), Err(wrong.to_owned()), "{text}");
        }
    }

    #[test]
    fn in_a_body_only_whole_strings_are_replaced() {
        let script = "#!/bin/sh\necho ${token} {id}";
        let body = Value::object([
            ("meta", Value::object([("key", Value::from("{token}").sensitive())])),
            ("ids", Value::list(["{id}".into()])),
            ("user_data", script.into()),
        ]);
        let filled = FILL.body(&body);
        let wanted = Value::object([
            ("meta", Value::object([("key", Value::from("t-1").sensitive())])),
            ("ids", Value::tuple(["a/b ?".into()])),
            ("user_data", script.into()),
        ]);
        assert_eq!(filled, wanted);
    }
}
