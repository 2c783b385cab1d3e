use mprov_sdk::{Name, Value};
use serde_json::{Map, Value as Json, json};

use super::json::{Secrets, to_json};
use super::page::{Mark, Page};
use super::style::Style;
use super::value::{Cut, Frame, write_value};

/// All outputs as HCL, secrets masked.
pub fn list<'a>(outputs: impl IntoIterator<Item = (&'a Name, &'a Value)>, style: Style) -> String {
    let mut page = Page::plain(style);
    for (name, value) in outputs {
        write_value(&mut page, 0, Mark::None, &Frame::entry(name, 0), value, Cut::NONE);
    }
    page.finish()
}

/// The value of one output as HCL. In clear also where it is a secret: it was asked for by name.
pub fn one(value: &Value, style: Style) -> String {
    let mut page = Page::plain(style);
    write_value(&mut page, 0, Mark::None, &Frame::default(), &value.unmark_deep().0, Cut::NONE);
    page.finish()
}

/// The text of one output and nothing else, for scripts; none where it is no string, number or
/// bool. In clear, as [`one`].
pub fn raw(value: &Value) -> Option<String> {
    match value.unmark().0 {
        Value::String(text) => Some(text.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// All outputs: name to `{ sensitive, type, value }`, secrets masked.
pub fn json<'a>(outputs: impl IntoIterator<Item = (&'a Name, &'a Value)>) -> Map<String, Json> {
    let entry = |value: &Value| {
        json!({
            "sensitive": value.contains_sensitive(),
            "type": value.ty().to_string(),
            "value": to_json(value, Secrets::Masked),
        })
    };
    outputs.into_iter().map(|(name, value)| (name.to_string(), entry(value))).collect()
}

/// The value of one output, in clear, as [`one`].
pub fn one_json(value: &Value) -> Json {
    to_json(value, Secrets::Shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn outputs() -> BTreeMap<Name, Value> {
        [
            ("key".into(), Value::from("hunter2").sensitive()),
            ("ports".into(), Value::list([80.into()])),
            ("url".into(), Value::from("https://x")),
        ]
        .into()
    }

    #[test]
    fn secrets_are_shown_only_where_they_are_asked_for_by_name() {
        let outputs = outputs();
        let text = list(&outputs, Style::PLAIN);
        assert_eq!(text, "key = (sensitive value)\nports = [\n    80,\n]\nurl = \"https://x\"\n");
        let document = Json::Object(json(&outputs));
        assert_eq!(
            document["key"],
            json!({ "sensitive": true, "type": "string", "value": "(sensitive value)" })
        );
        assert_eq!(one(&outputs["key"], Style::PLAIN), "\"hunter2\"\n");
        assert_eq!(raw(&outputs["key"]).as_deref(), Some("hunter2"));
        assert_eq!(one_json(&outputs["key"]), "hunter2");
    }

    #[test]
    fn only_a_single_value_has_a_raw_text() {
        assert_eq!(raw(&Value::from(5)).as_deref(), Some("5"));
        assert_eq!(raw(&Value::list([])), None);
        assert_eq!(raw(&Value::Null), None);
    }
}
