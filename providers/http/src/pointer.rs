use std::fmt;

use mprov_sdk::Value;

/// A JSON pointer (RFC 6901): `/server/addresses/0/addr`, or nothing at all for the whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(Vec<String>);

impl Pointer {
    pub const WHOLE: Self = Self(Vec::new());

    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::WHOLE);
        }
        text.strip_prefix('/')?.split('/').map(unescaped).collect::<Option<_>>().map(Self)
    }

    /// What is there. Whatever lies in something sensitive is sensitive.
    pub fn look(&self, value: &Value) -> Option<Value> {
        let mut here = value.clone();
        let mut secret = false;
        for step in &self.0 {
            let (plain, marked) = here.unmark();
            secret |= marked;
            let next = match plain {
                Value::Map(o) | Value::Object(o) => o.lookup(step).cloned(),
                Value::List(v) | Value::Set(v) | Value::Tuple(v) => {
                    index(step).and_then(|i| v.get(i)).cloned()
                }
                _ => None,
            };
            here = next?;
        }
        Some(here.with_sensitivity(secret))
    }

    pub fn below(&self, step: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.to_owned());
        Self(steps)
    }

    /// Whether the other one is the same place or one inside of it.
    pub fn holds(&self, other: &Pointer) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// `~1` is a slash and `~0` a tilde; a tilde before anything else is no pointer.
fn unescaped(step: &str) -> Option<String> {
    let rest = step.replace("~0", "").replace("~1", "");
    (!rest.contains('~')).then(|| step.replace("~1", "/").replace("~0", "~"))
}

fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit()));
    if plain { step.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6901, section 5, as far as they are about objects and arrays.
    #[test]
    fn the_examples_of_the_rfc() {
        let document = crate::json::parse(
            br#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, " ": 7, "~1": 9}"#,
        )
        .expect("JSON");
        let at = |text: &str| Pointer::parse(text).expect("a pointer").look(&document);
        assert_eq!(at(""), Some(document.clone()));
        assert_eq!(at("/foo/0"), Some("bar".into()));
        assert_eq!(at("/"), Some(0.into()));
        assert_eq!(at("/a~1b"), Some(1.into()));
        assert_eq!(at("/c%d"), Some(2.into()));
        assert_eq!(at("/m~0n"), Some(8.into()));
        assert_eq!(at("/ "), Some(7.into()));
        assert_eq!(at("/~01"), Some(9.into()));
        for none in ["/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/bar", "/foo/0/x"] {
            assert_eq!(at(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["foo", "foo/bar", "/a~", "/a~2"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_lies_in_a_secret_is_secret() {
        let value = Value::object([("a", Value::object([("b", Value::from(1))]).sensitive())]);
        let found = Pointer::parse("/a/b").expect("a pointer").look(&value);
        assert_eq!(found, Some(Value::from(1).sensitive()));
    }
}
