use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mprov_sdk::{Attribute, Diagnostics, Fault, Number, Object, Schema, Type, Value};
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::kept::{Kind, known_i64, refused};

/// Bytes of the operating system's random source.
pub fn random_bytes(count: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; count];
    OsRng.try_fill_bytes(&mut bytes).map_err(no_randomness)?;
    Ok(bytes)
}

/// A number below `bound`, each equally likely. `bound` is not 0.
pub fn random_below(bound: usize) -> Result<usize, Fault> {
    let bound = bound as u64;
    // Numbers past the last whole multiple of the bound would make small results more likely.
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = OsRng.try_next_u64().map_err(no_randomness)?;
        if drawn < limit {
            return Ok((drawn % bound) as usize);
        }
    }
}

fn no_randomness(error: impl std::fmt::Display) -> Fault {
    Fault::new("the operating system gives no random numbers")
        .detail(format!("{error}. Nothing secret can be made without them."))
}

pub fn keepers() -> (&'static str, Attribute) {
    let keepers = Attribute::optional(Type::map(Type::Any), "Any values; a change of them makes a new one.");
    ("keepers", keepers.replaces())
}

/// `core_random_id`: random bytes, for names that must not collide.
pub struct RandomId;

const MAX_BYTES: i64 = 1024;

impl Kind for RandomId {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_random_id",
            "Random bytes for names that must not collide. Not a secret.",
            [
                keepers(),
                ("byte_length", Attribute::required(Type::Number, "How many bytes, 1 to 1024.").replaces()),
                ("prefix", Attribute::optional(Type::String, "Text before each of the forms.").replaces()),
                ("id", Attribute::computed(Type::String, "The bytes in URL-safe base64, without prefix.")),
                ("hex", Attribute::computed(Type::String, "The bytes in lower-case hexadecimal.")),
                ("b64_url", Attribute::computed(Type::String, "The bytes in URL-safe base64.")),
                ("dec", Attribute::computed(Type::String, "The bytes as one decimal number.")),
            ],
        )
        .value()
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        match known_i64(config, "byte_length") {
            Some(n) if !(1..=MAX_BYTES).contains(&n) => {
                let summary = format!("byte_length is {n}, it must be from 1 to {MAX_BYTES}");
                refused("byte_length", summary, "8 bytes are plenty for a name.").into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let length = planned.i64("byte_length")?.clamp(1, MAX_BYTES) as usize;
        let bytes = random_bytes(length)?;
        let prefix = planned.opt_str("prefix")?.unwrap_or("");
        let base64 = URL_SAFE_NO_PAD.encode(&bytes);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Ok(planned
            .clone()
            .with("id", base64.clone())
            .with("hex", format!("{prefix}{hex}"))
            .with("b64_url", format!("{prefix}{base64}"))
            .with("dec", format!("{prefix}{}", decimal(&bytes))))
    }
}

/// The bytes, most significant first, as a decimal number.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0u32];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|d| char::from_digit(*d, 10).expect("a digit is below 10")).collect()
}

/// `core_random_uuid`: a version 4 UUID.
pub struct RandomUuid;

impl Kind for RandomUuid {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_random_uuid",
            "A random UUID, version 4.",
            [
                keepers(),
                ("id", Attribute::computed(Type::String, "The UUID.")),
                ("result", Attribute::computed(Type::String, "The UUID.")),
            ],
        )
        .value()
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let uuid = Value::from(uuid::Uuid::new_v4().to_string());
        Ok(planned.clone().with("id", uuid.clone()).with("result", uuid))
    }
}

/// `core_random_integer`: a whole number in a range.
pub struct RandomInteger;

impl Kind for RandomInteger {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_random_integer",
            "A random whole number, for example a port. Not a secret.",
            [
                keepers(),
                ("min", Attribute::required(Type::Number, "The smallest possible result.").replaces()),
                ("max", Attribute::required(Type::Number, "The largest possible result.").replaces()),
                ("result", Attribute::computed(Type::Number, "The number.")),
            ],
        )
        .value()
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        match (known_i64(config, "min"), known_i64(config, "max")) {
            (Some(min), Some(max)) if min > max => {
                refused("min", format!("min ({min}) is larger than max ({max})"), "Exchange them.").into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let (min, max) = (planned.i64("min")?, planned.i64("max")?);
        let span = max.checked_sub(min).and_then(|s| usize::try_from(s).ok());
        let Some(span) = span.and_then(|s| s.checked_add(1)) else {
            return Err(Fault::new(format!("there is no range from {min} to {max}")));
        };
        let drawn = min + random_below(span)? as i64;
        Ok(planned.clone().with("result", Number::from(drawn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_the_big_endian_number() {
        assert_eq!(decimal(&[0]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(decimal(&[0xff; 8]), u64::MAX.to_string());
    }

    #[test]
    fn an_id_has_the_asked_length_in_every_form() {
        let planned = Object::new().with("byte_length", 8).with("prefix", "web-");
        let made = RandomId.make(&planned, Timestamp::UNIX_EPOCH).unwrap();
        let hex = made.str("hex").unwrap().strip_prefix("web-").unwrap().to_owned();
        assert_eq!(hex.len(), 16);
        let bytes = u64::from_str_radix(&hex, 16).unwrap().to_be_bytes();
        assert_eq!(made.str("dec").unwrap(), format!("web-{}", u64::from_be_bytes(bytes)));
        assert_eq!(made.str("id").unwrap(), URL_SAFE_NO_PAD.encode(bytes));
    }

    #[test]
    fn a_length_out_of_range_is_refused_at_its_attribute() {
        let found = RandomId.validate(&Object::new().with("byte_length", 0));
        assert_eq!(found.iter().next().unwrap().address.as_deref(), Some("byte_length"));
        assert!(
            RandomId.validate(&Object::new().with("byte_length", Value::unknown(Type::Number))).is_empty()
        );
    }

    #[test]
    fn drawn_numbers_stay_in_their_range_and_reach_its_ends() {
        let planned = Object::new().with("min", -1).with("max", 1);
        let drawn = |_| RandomInteger.make(&planned, Timestamp::UNIX_EPOCH).unwrap().i64("result").unwrap();
        let seen: std::collections::BTreeSet<i64> = (0..500).map(drawn).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-1, 0, 1]);
    }
}
