use std::fmt;

use mprov_sdk::{CodecError, Object, Seal, Type, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::layout;

/// JSON text that passes through untouched: strings and numbers keep every byte, so that a sealed
/// value that nobody changed stays the same on disk. Only the white space between tokens is laid
/// out anew. Equality does not look at white space.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    pub fn from_json(json: &serde_json::Value) -> Self {
        Self(serde_json::value::to_raw_value(json).expect("a JSON value has a text"))
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(self.0.get()).expect("checked when it was made")
    }

    /// The text as it was read or made.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Attributes of an instance, or a provider's configuration; `ty` is the schema's object type.
    pub fn encode_object(object: &Object, ty: &Type, seal: &dyn Seal) -> Result<Self, CodecError> {
        Ok(Self::from_json(&mprov_sdk::encode_object(object, ty, seal)?))
    }

    pub fn decode_object(&self, ty: &Type, seal: &dyn Seal) -> Result<Object, CodecError> {
        mprov_sdk::decode_object(&self.to_json(), ty, seal)
    }

    /// A value together with its own type, as outputs are kept.
    pub fn encode_value(value: &Value, seal: &dyn Seal) -> Result<Self, CodecError> {
        Ok(Self::from_json(&mprov_sdk::encode(value, &Type::Any, seal)?))
    }

    pub fn decode_value(&self, seal: &dyn Seal) -> Result<Value, CodecError> {
        mprov_sdk::decode(&self.to_json(), &Type::Any, seal)
    }

    fn compact(&self) -> Vec<u8> {
        layout::compact(self.get().as_bytes())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get() || self.compact() == other.compact()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.compact()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_no_difference_but_every_other_byte_is() {
        let raw = |text: &str| serde_json::from_str::<RawJson>(text).expect("JSON");
        assert_eq!(raw("{\n \"a\" : [ 1 ] }"), raw(r#"{"a":[1]}"#));
        assert_ne!(raw(r#"{"a":"x y"}"#), raw(r#"{"a":"xy"}"#));
        assert_ne!(raw("1.0"), raw("1.00"));
        assert_eq!(raw("1.00").get(), "1.00");
    }
}
