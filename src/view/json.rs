use mprov_sdk::{Number, Object, Value};
use serde_json::{Map, Value as Json};

use super::literal::SENSITIVE;

/// How secrets appear in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The text `(sensitive value)` in place of each.
    Masked,
    /// In clear: only where a person asked for this very value by name.
    Shown,
}

/// A value as plain JSON. Unknown values are null; lists, sets and tuples are arrays; a number
/// that JSON readers would round is a string of its digits.
pub fn to_json(value: &Value, secrets: Secrets) -> Json {
    match value {
        Value::Null | Value::Unknown(_) => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Number(n) => number(n),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().map(|v| to_json(v, secrets)).collect(),
        Value::Map(o) | Value::Object(o) => object(o, secrets),
        Value::Sensitive(inner) => match secrets {
            Secrets::Masked => Json::String(SENSITIVE.to_owned()),
            Secrets::Shown => to_json(inner, secrets),
        },
    }
}

pub fn object(object: &Object, secrets: Secrets) -> Json {
    Json::Object(object.iter().map(|(name, value)| (name.to_string(), to_json(value, secrets))).collect())
}

fn number(n: &Number) -> Json {
    if let Some(i) = n.as_i64() {
        return Json::from(i);
    }
    let float = n.to_f64();
    let exact = float.to_string().parse::<Number>().is_ok_and(|back| back == *n);
    match serde_json::Number::from_f64(float) {
        Some(float) if exact => Json::Number(float),
        _ => Json::String(n.to_string()),
    }
}

/// Where in a value something is the case: `true` in its place, an object or array around places
/// inside, and `false` where it is nowhere.
pub fn places(value: &Value, test: &dyn Fn(&Value) -> bool) -> Json {
    if test(value) {
        return Json::Bool(true);
    }
    match value {
        Value::List(v) | Value::Set(v) | Value::Tuple(v) if v.iter().any(|v| v.any(test)) => {
            v.iter().map(|v| places(v, test)).collect()
        }
        Value::Map(o) | Value::Object(o) => object_places(o, test),
        _ => Json::Bool(false),
    }
}

/// The same for all attributes of an instance.
pub fn object_places(object: &Object, test: &dyn Fn(&Value) -> bool) -> Json {
    let found: Map<String, Json> = object
        .iter()
        .filter(|(_, value)| value.any(test))
        .map(|(name, value)| (name.to_string(), places(value, test)))
        .collect();
    if found.is_empty() { Json::Bool(false) } else { Json::Object(found) }
}

/// JSON as a value of the language, for showing what changes inside a text of JSON.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.to_string().parse::<Number>().map_or(Value::Null, Value::Number),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::tuple(items.iter().map(from_json)),
        Json::Object(map) => Value::object(map.iter().map(|(k, v)| (k.as_str(), from_json(v)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_keep_every_digit() {
        let of = |text: &str| to_json(&Value::Number(text.parse().expect("a number")), Secrets::Masked);
        assert_eq!(of("42"), json!(42));
        assert_eq!(of("0.1"), json!(0.1));
        assert_eq!(of("0.12345678901234567890123"), json!("0.12345678901234567890123"));
        assert_eq!(of("9223372036854775808"), json!("9223372036854775808"));
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand_and_their_places_told() {
        let value = Value::object([
            ("users", Value::list([Value::object([("password", Value::from("hunter2").sensitive())])])),
            ("name", "db".into()),
        ]);
        let masked = to_json(&value, Secrets::Masked);
        assert_eq!(masked, json!({ "users": [{ "password": "(sensitive value)" }], "name": "db" }));
        let sensitive = |v: &Value| matches!(v, Value::Sensitive(_));
        assert_eq!(places(&value, &sensitive), json!({ "users": [{ "password": true }] }));
        assert_eq!(to_json(&value, Secrets::Shown)["users"][0]["password"], "hunter2");
    }
}
