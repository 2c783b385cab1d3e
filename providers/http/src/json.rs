use std::collections::BTreeMap;
use std::fmt::Write as _;

use mprov_sdk::{Number, Object, Value};
use serde_json::value::RawValue;

/// Deeper replies are taken for text: no reply may exhaust the stack.
const DEPTH: usize = 100;

/// A JSON text (RFC 8259) as a value: arrays as tuples, objects as objects, numbers exactly as
/// they were written. None where it is no JSON.
pub fn parse(text: &[u8]) -> Option<Value> {
    let raw: &RawValue = serde_json::from_slice(text).ok()?;
    value(raw, DEPTH)
}

fn value(raw: &RawValue, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let text = raw.get().trim();
    Some(match text.as_bytes().first()? {
        b'{' => {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let entries = entries.into_iter().map(|(name, raw)| Some((name, value(raw, depth)?)));
            Value::from(entries.collect::<Option<Object>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Value::tuple(items.into_iter().map(|raw| value(raw, depth)).collect::<Option<Vec<_>>>()?)
        }
        b'"' => Value::from(serde_json::from_str::<String>(text).ok()?),
        b't' => true.into(),
        b'f' => false.into(),
        b'n' => Value::Null,
        // A number of thousands of digits stays a text.
        _ => text.parse::<Number>().map_or_else(|_| text.into(), Value::Number),
    })
}

/// The value as JSON text. Marks are dropped: this is for sending.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    append(&mut text, value);
    text
}

fn append(text: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Unknown(_) => text.push_str("null"),
        Value::Bool(b) => text.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => write!(text, "{n}").expect("a string takes everything"),
        Value::String(s) => text.push_str(&quoted(s)),
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                append(text, item);
            }
            text.push(']');
        }
        Value::Map(entries) | Value::Object(entries) => {
            text.push('{');
            for (i, (name, value)) in entries.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&quoted(name));
                text.push(':');
                append(text, value);
            }
            text.push('}');
        }
        Value::Sensitive(inner) => append(text, inner),
    }
}

pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_exact() {
        let text = r#"[0.1,123456789012345678901234567890,-5,0]"#;
        assert_eq!(write(&parse(text.as_bytes()).expect("JSON")), text);
        assert_eq!(parse(b"1e3"), Some(1000.into()));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "<html>", "{\"a\":}", "[1] 2", "nul"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(deep(90).as_bytes()).is_some());
        assert_eq!(parse(deep(10_000).as_bytes()), None);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(|s: String| Value::from(s)),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::tuple),
                prop::collection::btree_map(".*", inner, 0..6).prop_map(Value::object),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any_value()) {
            prop_assert_eq!(parse(write(&value).as_bytes()), Some(value));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            parse(text.as_bytes());
        }
    }
}
