use mprov_sdk::{Diagnostic, Diagnostics, Object, Value};

/// The number of arguments that exclude each other is wrong.
pub const EXCLUSIVE: u16 = 5020;
/// A secret where everyone who may use Docker could read it.
pub const SECRET_IN_CLEAR: u16 = 5021;
/// A text that has no meaning in its place.
pub const MALFORMED: u16 = 5022;
/// Arguments that contradict each other.
pub const CONTRADICTION: u16 = 5023;
/// A label that belongs to mprov.
pub const RESERVED_LABEL: u16 = 5024;

/// An error about one attribute: the planner finds the place in the file by its name.
pub fn error(
    code: u16,
    attribute: &str,
    summary: impl Into<String>,
    detail: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(code, summary).detail(detail).address(attribute)
}

/// Reports known text that the parser does not understand.
pub fn check_text<T>(
    found: &mut Diagnostics,
    attribute: &str,
    value: &Value,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) {
    let Some(text) = value.as_str() else { return };
    if parse(text).is_none() {
        let shown = if value.contains_sensitive() { "the value".into() } else { format!("\"{text}\"") };
        found.push(error(MALFORMED, attribute, format!("{shown} has no meaning here"), expected));
    }
}

/// Labels that begin like mprov's own would hide them.
pub fn check_labels(found: &mut Diagnostics, config: &Object) {
    let Some(labels) = config.get("labels").as_object() else { return };
    if let Some(label) = labels.keys().find(|name| name.starts_with(crate::labels::RESERVED)) {
        found.push(error(
            RESERVED_LABEL,
            "labels",
            format!("label \"{label}\" belongs to mprov"),
            "mprov finds what it has made by labels that begin with \"mprov.\". Choose another name.",
        ));
    }
}

/// Refuses a sensitive value where Docker would show it to whoever asks.
pub fn refuse_secret(found: &mut Diagnostics, attribute: &str, value: &Value, detail: &str) {
    if value.contains_sensitive() {
        found.push(error(
            SECRET_IN_CLEAR,
            attribute,
            format!("\"{attribute}\" holds a sensitive value, which Docker would keep in clear"),
            detail,
        ));
    }
}
