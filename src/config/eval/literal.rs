use hcl_edit::{Formatted, Number as HclNumber};
use mprov_sdk::{Number, Value};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The number as it is written: the parser's own value has gone through a float.
pub fn number(literal: &Formatted<HclNumber>) -> Result<Value, String> {
    let written: String = match literal.as_repr() {
        Some(repr) => repr.to_string().chars().filter(|c| !c.is_whitespace()).collect(),
        None => literal.value().to_string(),
    };
    written.parse::<Number>().map(Value::Number).map_err(|e| e.to_string())
}

/// Text as a value, in Unicode's composed form, so that equal looking strings are equal.
pub fn normal(text: &str) -> Value {
    match text.is_ascii() || is_nfc(text) {
        true => Value::from(text),
        false => Value::from(text.nfc().collect::<String>()),
    }
}
