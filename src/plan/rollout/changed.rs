use mprov_sdk::{Object, Value};
use serde::{Deserialize, Serialize};

use super::stored::StoredGeneration;

/// An input, or one entry of it, that is not what it was for the generation before. Its values as
/// text: what is sensitive is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedInput {
    /// `release`, `plugins["local_x"]`.
    pub input: String,
    /// None where there was none.
    pub before: Option<String>,
    /// None where there will be none.
    pub after: Option<String>,
}

/// Why a new generation is made of a live one: what differs in the inputs that make generations.
pub fn changed(desired: &Object, live: &StoredGeneration) -> Vec<ChangedInput> {
    let mut found = Vec::new();
    for (name, value) in desired.iter() {
        if let Some(stored) = live.inputs.lookup(name) {
            compare(name.to_string(), Some(stored), Some(value), &mut found);
        }
    }
    found
}

fn compare(input: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<ChangedInput>) {
    if let (Some(before), Some(after)) = (before, after)
        && after.is_wholly_known()
        && before.same(after)
    {
        return;
    }
    // What holds a secret as a whole is not taken apart: its entries do not bear its mark.
    if [before, after].into_iter().flatten().any(|value| value.unmark().1) {
        let hidden = |value: &Value| text(&value.clone().sensitive());
        found.push(ChangedInput { input, before: before.map(hidden), after: after.map(hidden) });
        return;
    }
    let (Some(old), Some(new)) = (before.and_then(Value::as_object), after.and_then(Value::as_object)) else {
        found.push(ChangedInput { input, before: before.map(text), after: after.map(text) });
        return;
    };
    let added = new.iter().filter(|(name, _)| old.lookup(name).is_none());
    for (name, _) in old.iter().chain(added) {
        compare(format!("{input}[\"{name}\"]"), old.lookup(name), new.lookup(name), found);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(text) => text.to_string(),
        Value::Unknown(_) => "(known after apply)".to_owned(),
        value if value.contains_sensitive() => "(sensitive value)".to_owned(),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: Value, after: Value) -> Vec<(String, Option<String>, Option<String>)> {
        let mut found = Vec::new();
        compare("in".to_owned(), Some(&before), Some(&after), &mut found);
        found.into_iter().map(|c| (c.input, c.before, c.after)).collect()
    }

    #[test]
    fn entries_that_came_went_or_changed_are_told_one_by_one() {
        let plugins = |all: &[(&'static str, &str)]| {
            Value::map(all.iter().map(|(name, version)| (*name, Value::from(*version))))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            of(
                plugins(&[("a", "1"), ("b", "1"), ("c", "1")]),
                plugins(&[("b", "2"), ("c", "1"), ("d", "1")])
            ),
            [
                ("in[\"a\"]".to_owned(), some("1"), None),
                ("in[\"b\"]".to_owned(), some("1"), some("2")),
                ("in[\"d\"]".to_owned(), None, some("1")),
            ]
        );
    }

    #[test]
    fn secrets_are_not_told() {
        let told = of(Value::from("old").sensitive(), Value::from("new").sensitive());
        assert_eq!(
            told,
            [("in".to_owned(), Some("(sensitive value)".into()), Some("(sensitive value)".into()))]
        );
        let map = |value: &str| Value::map([("key", Value::from(value))]).sensitive();
        for (before, after) in [(map("old"), map("new")), (Value::map([("key", "old".into())]), map("new"))] {
            let told = of(before, after);
            assert_eq!(
                told,
                [("in".to_owned(), Some("(sensitive value)".into()), Some("(sensitive value)".into()))]
            );
        }
    }
}
