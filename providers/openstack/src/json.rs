use std::collections::BTreeMap;

use mprov_sdk::{Object, Value};
use serde_json::Value as Json;

use crate::mark::RESERVED;

/// The text, or null.
pub fn text(json: &Json) -> Value {
    json.as_str().map_or(Value::Null, Value::from)
}

/// The text, or null where it is empty too: services write both.
pub fn filled(json: &Json) -> Value {
    json.as_str().filter(|t| !t.is_empty()).map_or(Value::Null, Value::from)
}

pub fn number(json: &Json) -> Value {
    json.as_i64().map_or(Value::Null, Value::from)
}

pub fn flag(json: &Json) -> Value {
    json.as_bool().map_or(Value::Null, Value::from)
}

pub fn str<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

pub fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// A set of strings in the order that values have.
pub fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::set(texts.into_iter().map(Value::from))
}

/// The metadata that is not mprov's own.
pub fn tags(metadata: &Json) -> BTreeMap<String, String> {
    let entries = metadata.as_object().into_iter().flatten().filter(|(k, _)| !k.starts_with(RESERVED));
    entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

/// A map as an attribute. None and empty mean the same to the services: what is stored or wanted
/// decides which of them it is told as.
pub fn map_like(entries: BTreeMap<String, String>, stored: &Value) -> Value {
    let stored_is_empty = stored.as_object().is_some_and(Object::is_empty);
    match entries.is_empty() && !stored_is_empty {
        true => Value::Null,
        false => Value::map(entries.into_iter().map(|(k, v)| (k, Value::from(v)))),
    }
}

/// The same for a set or list of strings.
pub fn set_like(found: Value, stored: &Value) -> Value {
    let is_empty = |v: &Value| v.as_elements().is_some_and(<[Value]>::is_empty);
    match is_empty(&found) && stored.is_null() {
        true => Value::Null,
        false => found,
    }
}

/// The same for a text.
pub fn text_like(found: &str, stored: &Value) -> Value {
    match found.is_empty() && stored.is_null() {
        true => Value::Null,
        false => found.into(),
    }
}
