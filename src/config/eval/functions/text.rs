use mprov_sdk::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::numbers::whole;
use super::signature::{Failure, Function, Param, STRINGS, Shape, Surroundings, number, of, string};
use crate::config::eval::limits::BYTES;
use crate::config::eval::literal::normal;

const STR: &[Param] = &[string("str")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("chomp", STR, Shape::String, "the text without line ends at its end", chomp),
    Function::new(
        "indent",
        &[number("spaces"), string("str")],
        Shape::String,
        "the text with that many spaces before every line but the first",
        indent,
    ),
    Function::new("join", &[string("separator")], Shape::String, "the strings of the lists in a row", join)
        .rest(of("lists", STRINGS)),
    Function::new("lower", STR, Shape::String, "the text in lower case", lower),
    Function::new("upper", STR, Shape::String, "the text in upper case", upper),
    Function::new(
        "title",
        STR,
        Shape::String,
        "the text with the first letter of each word in upper case",
        title,
    ),
    Function::new(
        "trim",
        &[string("str"), string("cutset")],
        Shape::String,
        "the text without those characters at both ends",
        trim,
    ),
    Function::new(
        "trimprefix",
        &[string("str"), string("prefix")],
        Shape::String,
        "the text without the prefix",
        trimprefix,
    ),
    Function::new(
        "trimsuffix",
        &[string("str"), string("suffix")],
        Shape::String,
        "the text without the suffix",
        trimsuffix,
    ),
    Function::new("trimspace", STR, Shape::String, "the text without blanks at both ends", trimspace),
    Function::new(
        "split",
        &[string("separator"), string("str")],
        STRINGS,
        "the parts of the text between the separators",
        split,
    ),
    Function::new("strrev", STR, Shape::String, "the characters in reverse order", strrev),
    Function::new(
        "substr",
        &[string("str"), number("offset"), number("length")],
        Shape::String,
        "that many characters from the offset on; -1 for all",
        substr,
    ),
    Function::new(
        "startswith",
        &[string("str"), string("prefix")],
        Shape::Bool,
        "whether the text begins with the prefix",
        startswith,
    ),
    Function::new(
        "endswith",
        &[string("str"), string("suffix")],
        Shape::Bool,
        "whether the text ends with the suffix",
        endswith,
    ),
    Function::new(
        "strcontains",
        &[string("str"), string("substr")],
        Shape::Bool,
        "whether the text contains the other",
        strcontains,
    ),
];

/// An argument that the parameter made a string.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("the parameter is a string")
}

/// Refuses a text before it is made.
pub fn check_size(bytes: usize) -> Result<(), Failure> {
    match bytes > BYTES {
        true => Err(Failure::too_large(format!("the result has more than {} MiB", BYTES >> 20))),
        false => Ok(()),
    }
}

fn chomp(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(text(&args[0]).trim_end_matches(['\r', '\n'])))
}

fn indent(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let spaces = usize::try_from(whole(args, 0)?).map_err(|_| Failure::of(0, "the number is negative"))?;
    let text = text(&args[1]);
    let lines = text.matches('\n').count();
    check_size(text.len().saturating_add(lines.saturating_mul(spaces)))?;
    Ok(Value::from(text.replace('\n', &format!("\n{}", " ".repeat(if lines == 0 { 0 } else { spaces })))))
}

fn join(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let separator = text(&args[0]);
    let mut parts: Vec<&str> = Vec::new();
    for (at, list) in args.iter().enumerate().skip(1) {
        for (i, element) in list.as_elements().unwrap_or(&[]).iter().enumerate() {
            let part = element.as_str();
            parts.push(part.ok_or_else(|| Failure::of(at, format!("element {i} is null")))?);
        }
    }
    check_size(parts.iter().map(|p| p.len() + separator.len()).sum())?;
    Ok(normal(&parts.join(separator)))
}

fn lower(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(normal(&text(&args[0]).chars().map(|c| single(c, c.to_lowercase())).collect::<String>()))
}

/// The other case of a character where it is one character too, as in Terraform: ß stays ß.
fn single(c: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

fn upper(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(normal(&text(&args[0]).chars().map(|c| single(c, c.to_uppercase())).collect::<String>()))
}

fn title(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut result = String::new();
    let mut inside = false;
    for c in text(&args[0]).chars() {
        match inside {
            true => result.push(c),
            false => result.push(single(c, c.to_uppercase())),
        }
        inside = c.is_alphanumeric() || c == '_' || (!c.is_ascii() && !c.is_whitespace());
    }
    Ok(normal(&result))
}

fn trim(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let cutset = text(&args[1]);
    Ok(Value::from(text(&args[0]).trim_matches(|c| cutset.contains(c))))
}

fn trimprefix(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(&args[0]);
    Ok(Value::from(given.strip_prefix(text(&args[1])).unwrap_or(given)))
}

fn trimsuffix(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(&args[0]);
    Ok(Value::from(given.strip_suffix(text(&args[1])).unwrap_or(given)))
}

fn trimspace(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(text(&args[0]).trim()))
}

fn split(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (separator, given) = (text(&args[0]), text(&args[1]));
    if separator.is_empty() {
        return Ok(Value::list(given.chars().map(|c| Value::from(c.to_string()))));
    }
    Ok(Value::list(given.split(separator).map(Value::from)))
}

fn strrev(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(text(&args[0]).graphemes(true).rev().collect::<String>()))
}

fn substr(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let characters: Vec<&str> = text(&args[0]).graphemes(true).collect();
    let (offset, length) = (whole(args, 1)?, whole(args, 2)?);
    let count = characters.len() as i64;
    let start = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let end = if length < 0 { count } else { start.saturating_add(length).min(count) };
    Ok(Value::from(characters[start as usize..end as usize].concat()))
}

fn startswith(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(text(&args[0]).starts_with(text(&args[1])).into())
}

fn endswith(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(text(&args[0]).ends_with(text(&args[1])).into())
}

fn strcontains(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(text(&args[0]).contains(text(&args[1])).into())
}

/// The number of characters as people count them.
pub fn characters(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') { text.len() } else { text.graphemes(true).count() }
}
