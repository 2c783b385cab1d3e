use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mprov_sdk::{Fault, Value};

use crate::json;

const MASK: &str = "(sensitive)";

/// Takes secrets out of what a server says and of what is said about a request: APIs like to
/// repeat in an error what they were sent.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    secrets: Vec<String>,
}

impl Redaction {
    /// Everything sensitive in the values.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut redaction = Self::default();
        for value in values {
            collect(value, false, &mut redaction);
        }
        redaction
    }

    /// A secret, in the forms in which it may come back: in JSON, in a URL, in base64.
    pub fn add(&mut self, secret: &str) {
        // One letter masked everywhere would tell more than it hides, and hide what is wrong.
        if secret.len() < 3 {
            return;
        }
        let escaped = json::quoted(secret);
        let forms = [
            secret.to_owned(),
            escaped[1..escaped.len() - 1].to_owned(),
            crate::url::form_encoded(secret),
            BASE64_STANDARD.encode(secret),
        ];
        self.secrets.extend(forms);
        // Lines of it may come back one by one.
        self.secrets.extend(secret.lines().filter(|l| l.len() >= 8).map(str::to_owned));
        // The longest first: a secret may hold another.
        self.secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        self.secrets.dedup();
    }

    pub fn and(mut self, other: &Redaction) -> Self {
        self.secrets.extend_from_slice(&other.secrets);
        self.secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        self.secrets.dedup();
        self
    }

    pub fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    pub fn fault(&self, fault: Fault) -> Fault {
        Fault { summary: self.text(&fault.summary), detail: self.text(&fault.detail), ..fault }
    }

    /// Whether the text holds a secret.
    pub fn is_in(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret.as_str()))
    }
}

fn collect(value: &Value, marked: bool, into: &mut Redaction) {
    match value {
        Value::Sensitive(inner) => collect(inner, true, into),
        Value::String(text) if marked => into.add(text),
        Value::Number(number) if marked => into.add(&number.to_string()),
        Value::Map(entries) | Value::Object(entries) => {
            entries.values().for_each(|v| collect(v, marked, into));
        }
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter().for_each(|v| collect(v, marked, into));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let value = Value::object([("a", Value::from("p\"ss wörd").sensitive()), ("b", "plain".into())]);
        let redaction = Redaction::of([&value]);
        let said = r#"p"ss wörd, "p\"ss wörd", p%22ss+w%C3%B6rd, cCJzcyB3w7ZyZA==, plain"#;
        let masked = redaction.text(said);
        assert_eq!(masked, r#"(sensitive), "(sensitive)", (sensitive), (sensitive), plain"#);
    }

    #[test]
    fn the_longer_secret_goes_first() {
        let redaction = Redaction::of([&Value::from("abc").sensitive(), &Value::from("abcdef").sensitive()]);
        assert_eq!(redaction.text("abcdef abc"), "(sensitive) (sensitive)");
    }
}
