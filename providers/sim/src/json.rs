use mprov_sdk::{Number, Object, Value};
use serde_json::{Map, Value as Json};

/// Attributes as plain JSON, as a person would write it in the world's files. Marks are dropped.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown(_) => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Number(n) => n.as_i64().map_or_else(|| Json::String(n.to_string()), Json::from),
        Value::String(s) => Json::String(s.to_string()),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => Json::Array(v.iter().map(to_json).collect()),
        Value::Map(o) | Value::Object(o) => Json::Object(object_to_json(o)),
        Value::Sensitive(inner) => to_json(inner),
    }
}

pub fn object_to_json(object: &Object) -> Map<String, Json> {
    object.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect()
}

/// The value that the world has, in the form of the known one where it means the same: JSON does
/// not tell a list from a tuple or a map from an object.
pub fn from_json(json: &Json, known: &Value) -> Value {
    if to_json(known) == *json {
        return known.clone();
    }
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => (*b).into(),
        Json::Number(n) => match n.as_i64() {
            Some(whole) => whole.into(),
            None => n.to_string().parse::<Number>().map_or_else(|_| n.to_string().into(), Value::from),
        },
        Json::String(s) => s.as_str().into(),
        Json::Array(items) => Value::tuple(items.iter().map(|v| from_json(v, &Value::Null))),
        Json::Object(map) => Value::object(map.iter().map(|(k, v)| (k.as_str(), from_json(v, &Value::Null)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_not_touched_keeps_its_form_and_its_mark() {
        let half: Value = "0.5".parse::<Number>().unwrap().into();
        for value in [
            Value::list(["a".into()]),
            Value::set([2.into(), 1.into()]),
            Value::map([("k", Value::tuple([half.clone(), Value::Null]))]),
            Value::from("s").sensitive(),
            half,
        ] {
            assert_eq!(from_json(&to_json(&value), &value), value);
        }
    }

    #[test]
    fn a_touched_value_is_read_as_it_stands() {
        let json = serde_json::json!({ "n": 1.5, "t": [true] });
        let value = from_json(&json, &Value::from("before"));
        assert_eq!(value.as_object().unwrap()["n"], "1.5".parse::<Number>().unwrap().into());
        assert_eq!(value.as_object().unwrap()["t"], Value::tuple([true.into()]));
    }
}
