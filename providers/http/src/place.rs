use std::fmt;

use mprov_sdk::Value;

use crate::pointer::Pointer;
use crate::reply::View;

/// Where in a reply something is: a JSON pointer into its body, `header:NAME`, or `status` for the
/// status code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Body(Pointer),
    /// In lower case.
    Header(String),
    Status,
}

pub const NOTATION: &str = "Write a JSON pointer into the reply's body (\"/server/id\"; \"\" is the whole \
                            body), \"header:NAME\", or \"status\".";

impl Place {
    pub fn parse(text: &str) -> Option<Self> {
        if text == "status" {
            return Some(Self::Status);
        }
        match text.strip_prefix("header:") {
            Some(name) => (!name.is_empty()).then(|| Self::Header(name.to_ascii_lowercase())),
            None => Pointer::parse(text).map(Self::Body),
        }
    }

    /// What is there; null where there is nothing.
    pub fn look(&self, view: &View) -> Value {
        match self {
            Self::Body(pointer) => pointer.look(&view.body).unwrap_or(Value::Null),
            Self::Header(name) => view.headers.get(name).map_or(Value::Null, |v| v.as_str().into()),
            Self::Status => i64::from(view.status).into(),
        }
    }

    /// What is there as one line of text; none where there is nothing or something with parts.
    pub fn text(&self, view: &View) -> Option<String> {
        plain(&self.look(view))
    }
}

/// A string, number or bool as text.
pub fn plain(value: &Value) -> Option<String> {
    match value.unmark().0 {
        Value::String(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(pointer) => write!(f, "{pointer}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Status => f.write_str("status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_three_kinds_of_places() {
        let view = View {
            status: 202,
            headers: [("location".to_owned(), "/things/1".to_owned())].into(),
            body: crate::json::parse(br#"{"a": {"b": 7}}"#).expect("JSON"),
        };
        let text = |place: &str| Place::parse(place).expect("a place").text(&view);
        assert_eq!(text("/a/b").as_deref(), Some("7"));
        assert_eq!(text("/a"), None);
        assert_eq!(text("/c"), None);
        assert_eq!(text("header:Location").as_deref(), Some("/things/1"));
        assert_eq!(text("status").as_deref(), Some("202"));
        for wrong in ["a.b", "header:", "Status"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
