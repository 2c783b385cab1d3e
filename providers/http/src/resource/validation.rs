use mprov_sdk::{Diagnostic, Diagnostics, Object, Value, parse_duration};
use reqwest::Method;
use reqwest::header::HeaderName;

use super::schema::NOT_MADE;
use crate::place::{NOTATION, Place};
use crate::pointer::Pointer;
use crate::template::placeholders;

/// A text that has no meaning in its place.
pub const MALFORMED: u16 = 5022;
/// Arguments that contradict each other.
pub const CONTRADICTION: u16 = 5023;

/// What the schema cannot say: places, times, methods, placeholders.
pub fn validate(config: &Object) -> Diagnostics {
    let mut check = Check { found: Diagnostics::new() };
    for block in ["create", "read", "update", "delete", "find"] {
        if let Some(fields) = config[block].as_object() {
            check.block(block, fields, config);
        }
    }
    check.place("id_from", &config["id_from"]);
    for (name, place) in config["outputs"].as_object().into_iter().flatten() {
        check.place("outputs", place);
        let told_once = config["create"].as_object().and_then(|c| c["outputs"].as_object());
        if told_once.is_some_and(|o| o.contains(name)) {
            check.contradiction(
                "outputs",
                format!("there are two outputs named \"{name}\""),
                "One is in \"outputs\", the other in those of \"create\". Rename one.",
            );
        }
    }
    for name in ["replace_on", "update_on"] {
        config[name].as_elements().into_iter().flatten().for_each(|p| check.pointer(name, p));
    }
    check.compare(&config["compare"]);
    for list in ["sensitive_outputs", "stable_outputs"] {
        check.output_names(list, config);
    }
    if config["doubt"].as_str().is_some_and(|text| text != NOT_MADE) {
        check.malformed("doubt", "the only thing to be said about a doubt is \"not made\"", "");
    }
    check.found
}

struct Check {
    found: Diagnostics,
}

impl Check {
    fn malformed(&mut self, attribute: &str, summary: impl Into<String>, advice: &str) {
        self.found.push(Diagnostic::error(MALFORMED, summary).detail(advice).address(attribute));
    }

    fn contradiction(&mut self, attribute: &str, summary: String, advice: &str) {
        self.found.push(Diagnostic::error(CONTRADICTION, summary).detail(advice).address(attribute));
    }

    fn block(&mut self, block: &str, fields: &Object, config: &Object) {
        self.path(block, &fields["path"], config);
        self.time(block, &fields["retry_for"]);
        self.time(block, &fields["patience"]);
        if fields["method"].as_str().is_some_and(|m| Method::try_from(m).is_err() || m != m.to_uppercase()) {
            self.malformed(block, "this is no HTTP method", "Methods are in capitals: \"PATCH\".");
        }
        for name in fields["headers"].as_object().into_iter().flat_map(Object::keys) {
            if HeaderName::try_from(&**name).is_err() {
                self.malformed(block, format!("\"{name}\" cannot be the name of a header"), "");
            }
        }
        for list in ["expect", "retry_on"] {
            for status in fields[list].as_elements().into_iter().flatten() {
                if status.as_number().is_some() && !status.as_i64().is_some_and(|n| (100..600).contains(&n)) {
                    self.malformed(block, format!("\"{list}\" holds something else than statuses"), "");
                }
            }
        }
        for place in fields["outputs"].as_object().into_iter().flat_map(Object::values) {
            self.place(block, place);
        }
        for search in [Some(fields), fields["search"].as_object()].into_iter().flatten() {
            self.pointer(block, &search["list"]);
            self.pointer(block, &search["where"]);
            self.place(block, &search["next"]);
        }
        if block == "find" {
            self.pointer(block, &fields["id"]);
        }
        if let Some(gone) = fields["gone"].as_object() {
            self.place(block, &gone["place"]);
        }
        if let Some(wait) = fields["wait"].as_object() {
            self.wait(block, wait, config);
        }
    }

    fn wait(&mut self, block: &str, wait: &Object, config: &Object) {
        self.path(block, &wait["path"], config);
        for name in ["path_from", "place", "reason"] {
            self.place(block, &wait[name]);
        }
        for name in ["timeout", "interval"] {
            self.time(block, &wait[name]);
        }
        let names_states = ["wanted", "pending", "failed"].iter().any(|name| !wait[name].is_null());
        if names_states && wait["place"].is_null() {
            self.contradiction(
                block,
                "a wait for values does not say where they are".to_owned(),
                "Set \"place\", the JSON pointer to the state in the reply.",
            );
        }
        if block != "delete" && !wait["place"].is_null() && wait["wanted"].is_null() {
            self.contradiction(
                block,
                "a wait does not say for which values".to_owned(),
                "Set \"wanted\", the values that end it: wanted = [\"ACTIVE\"].",
            );
        }
    }

    fn path(&mut self, block: &str, path: &Value, config: &Object) {
        let Some(text) = path.as_str() else { return };
        let names = match placeholders(text) {
            Ok(names) => names,
            Err(wrong) => {
                let summary = format!("\"{wrong}\" in a path means nothing");
                return self.malformed(block, summary, "Paths know {id}, {+id} and {token}.");
            }
        };
        let has_id = names.iter().any(|name| name.ends_with("id"));
        if matches!(block, "create" | "find") && has_id && config["id"].is_null() {
            self.contradiction(
                block,
                format!("the path of \"{block}\" holds the id, which is not known before the create"),
                "Set \"id\" where the API lets its clients choose it.",
            );
        }
        if !text.starts_with(['/', '?', '{']) && !text.contains("://") {
            self.malformed(block, "a path begins with a slash", "It is appended to the provider's \"url\".");
        }
    }

    fn place(&mut self, attribute: &str, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| Place::parse(text).is_none()) {
            self.malformed(attribute, format!("\"{text}\" is no place in a reply"), NOTATION);
        }
    }

    fn pointer(&mut self, attribute: &str, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| Pointer::parse(text).is_none()) {
            let advice = "It begins with a slash: \"/server/name\"; \"\" is the whole body.";
            self.malformed(attribute, format!("\"{text}\" is no JSON pointer"), advice);
        }
    }

    fn time(&mut self, attribute: &str, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| parse_duration(text).is_none()) {
            let advice = "Write a number with ms, s, m or h: \"90s\".";
            self.malformed(attribute, format!("\"{text}\" is no time"), advice);
        }
    }

    fn compare(&mut self, compare: &Value) {
        match compare.unmark().0 {
            Value::Map(entries) | Value::Object(entries) => {
                entries.keys().for_each(|name| self.pointer("compare", &Value::string(name.clone())));
            }
            Value::Null | Value::Unknown(_) => {}
            _ => self.malformed(
                "compare",
                "\"compare\" is no object",
                "Write compare = { \"/server/name\" = \"web\" }.",
            ),
        }
    }

    fn output_names(&mut self, list: &str, config: &Object) {
        let once = config["create"].as_object().map_or(&Value::Null, |create| &create["outputs"]);
        if config["outputs"].is_unknown() || once.is_unknown() {
            return;
        }
        let is_declared = |name: &str| {
            [&config["outputs"], once].iter().any(|o| o.as_object().is_some_and(|o| o.contains(name)))
        };
        for name in config[list].as_elements().into_iter().flatten().filter_map(Value::as_str) {
            if !is_declared(name) {
                let advice = "Its names are those of \"outputs\" and of \"outputs\" in \"create\".";
                self.malformed(list, format!("there is no output \"{name}\""), advice);
            }
        }
    }
}
