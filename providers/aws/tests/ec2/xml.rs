//! The little that the proxy has to understand of EC2's answers.

/// The texts of all elements of that name.
pub fn texts<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find(&open) {
        rest = &rest[at + open.len()..];
        let Some(end) = rest.find(&close) else { break };
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

pub fn text<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    texts(xml, name).into_iter().next()
}

pub fn error(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code>\
         <Message>{message}</Message></Error></Errors><RequestID>proxy</RequestID></Response>"
    )
}
