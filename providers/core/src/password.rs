use jiff::Timestamp;
use mprov_sdk::{Attribute, Diagnostics, Fault, Object, Schema, Type, Value};

use crate::kept::{Kind, known_i64, refused};
use crate::random::{keepers, random_below};

/// A class of characters: the switch, the minimum and the characters.
const CLASSES: [(&str, &str, &str); 4] = [
    ("upper", "min_upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("lower", "min_lower", "abcdefghijklmnopqrstuvwxyz"),
    ("numeric", "min_numeric", "0123456789"),
    ("special", "min_special", "!@#$%&*()-_=+[]{}<>:?"),
];
const MAX_LENGTH: i64 = 4096;

/// `core_random_password` and `core_random_string`: random text; the first is sensitive.
pub struct RandomText {
    pub sensitive: bool,
}

impl Kind for RandomText {
    fn schema(&self) -> Schema {
        let switch = |what| Attribute::optional(Type::Bool, what).default(true).replaces();
        let minimum = |what| Attribute::optional(Type::Number, what).default(0).replaces();
        let result = Attribute::computed(Type::String, "The text.");
        let (name, description, result) = match self.sensitive {
            true => ("core_random_password", "A random password.", result.sensitive()),
            false => ("core_random_string", "A random text. Not a secret: it rests in clear.", result),
        };
        Schema::new(
            name,
            description,
            [
                keepers(),
                ("length", Attribute::required(Type::Number, "How many characters, 1 to 4096.").replaces()),
                ("upper", switch("Use upper-case letters.")),
                ("lower", switch("Use lower-case letters.")),
                ("numeric", switch("Use digits.")),
                ("special", switch("Use special characters.")),
                ("min_upper", minimum("At least so many upper-case letters.")),
                ("min_lower", minimum("At least so many lower-case letters.")),
                ("min_numeric", minimum("At least so many digits.")),
                ("min_special", minimum("At least so many special characters.")),
                (
                    "override_special",
                    Attribute::optional(Type::String, "The special characters to choose from.").replaces(),
                ),
                ("result", result),
            ],
        )
        .value()
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut found = Diagnostics::new();
        let length = known_i64(config, "length");
        if let Some(n) = length
            && !(1..=MAX_LENGTH).contains(&n)
        {
            let summary = format!("length is {n}, it must be from 1 to {MAX_LENGTH}");
            found.push(refused("length", summary, "24 characters are a good password."));
        }
        if CLASSES.iter().all(|(switch, ..)| config[switch].as_bool() == Some(false)) {
            let detail = "Leave at least one of upper, lower, numeric and special switched on.";
            found.push(refused("special", "there are no characters to choose from", detail));
        }
        for (switch, minimum, _) in CLASSES {
            let asked = known_i64(config, minimum).unwrap_or(0);
            if asked < 0 {
                found.push(refused(minimum, format!("{minimum} is negative"), "Use 0 for no minimum."));
            }
            if asked > 0 && config[switch].as_bool() == Some(false) {
                let summary = format!("{minimum} is {asked}, but {switch} is false");
                found.push(refused(minimum, summary, format!("Remove {minimum}, or set {switch} to true.")));
            }
        }
        let sum: i64 = CLASSES.iter().map(|(_, min, _)| known_i64(config, min).unwrap_or(0).max(0)).sum();
        if let Some(length) = length
            && sum > length
        {
            let summary = format!("the minimums add up to {sum}, more than the length of {length}");
            found.push(refused("length", summary, "Make it longer, or ask for less of each."));
        }
        if config["override_special"].as_str() == Some("") && config["special"].as_bool() != Some(false) {
            let detail = "Name some, leave it out for the usual ones, or set special to false.";
            found.push(refused("override_special", "override_special names no characters", detail));
        }
        found
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let text = Value::from(draw(planned)?).with_sensitivity(self.sensitive);
        Ok(planned.clone().with("result", text))
    }
}

fn draw(planned: &Object) -> Result<String, Fault> {
    let length = planned.i64("length")?.clamp(1, MAX_LENGTH) as usize;
    let special = planned.opt_str("override_special")?;
    let mut text: Vec<char> = Vec::with_capacity(length);
    let mut all: Vec<char> = Vec::new();
    for (switch, minimum, characters) in CLASSES {
        if planned.opt_bool(switch)? == Some(false) {
            continue;
        }
        let characters = if switch == "special" { special.unwrap_or(characters) } else { characters };
        let characters: Vec<char> = characters.chars().collect();
        for _ in 0..planned.opt_i64(minimum)?.unwrap_or(0).min(MAX_LENGTH) {
            text.push(one_of(&characters)?);
        }
        all.extend(characters);
    }
    if text.len() > length {
        return Err(Fault::new(format!("the minimums ask for more than {length} characters")));
    }
    while text.len() < length {
        text.push(one_of(&all)?);
    }
    // The minimums were drawn first: without this their places would be known.
    for last in (1..text.len()).rev() {
        text.swap(last, random_below(last + 1)?);
    }
    Ok(text.into_iter().collect())
}

fn one_of(characters: &[char]) -> Result<char, Fault> {
    match characters {
        [] => Err(Fault::new("there are no characters to choose from")),
        some => Ok(some[random_below(some.len())?]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWORD: RandomText = RandomText { sensitive: true };

    fn counts(text: &str, class: usize) -> i64 {
        text.chars().filter(|c| CLASSES[class].2.contains(*c)).count() as i64
    }

    proptest! {
        #[test]
        fn every_minimum_and_the_length_are_kept(mins in prop::array::uniform4(0i64..6), extra in 1i64..20) {
            let length = mins.iter().sum::<i64>() + extra;
            let mut planned = Object::new().with("length", length);
            for (class, min) in CLASSES.iter().zip(mins) {
                planned.set(class.1, min);
            }
            let made = PASSWORD.make(&planned, Timestamp::UNIX_EPOCH).unwrap();
            let text = made.str("result").unwrap();
            prop_assert_eq!(text.chars().count() as i64, length);
            for (class, min) in mins.iter().enumerate() {
                prop_assert!(counts(text, class) >= *min);
            }
        }
    }

    #[test]
    fn a_class_that_is_off_is_not_used_and_special_characters_can_be_named() {
        let planned = Object::new()
            .with("length", 200)
            .with("upper", false)
            .with("lower", false)
            .with("override_special", "~");
        let text = draw(&planned).unwrap();
        assert!(text.chars().all(|c| c.is_ascii_digit() || c == '~'), "{text}");
        assert!(text.contains('~'));
    }

    #[test]
    fn a_password_is_marked_and_a_string_is_not() {
        let planned = Object::new().with("length", 8);
        let made = |sensitive| RandomText { sensitive }.make(&planned, Timestamp::UNIX_EPOCH).unwrap();
        assert!(made(true)["result"].contains_sensitive());
        assert!(!made(false)["result"].contains_sensitive());
    }

    #[test]
    fn impossible_wishes_are_refused_each_at_its_place() {
        let config = Object::new()
            .with("length", 3)
            .with("min_upper", 4)
            .with("numeric", false)
            .with("min_numeric", 1)
            .with("override_special", "");
        let found = PASSWORD.validate(&config);
        let places: Vec<&str> = found.iter().filter_map(|d| d.address.as_deref()).collect();
        assert_eq!(places, ["min_numeric", "length", "override_special"]);
    }
}
