use mprov_sdk::{Object, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::signature::{Failure, Function, Param, Shape, Surroundings, string};
use super::text::{check_size, text};

/// Compiled size of a pattern.
const PATTERN_BYTES: usize = 4 * 1024 * 1024;

const PATTERN_AND_STRING: &[Param] = &[string("pattern"), string("string")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("regex", PATTERN_AND_STRING, Shape::Any, "the first match of the pattern", regex),
    Function::new(
        "regexall",
        PATTERN_AND_STRING,
        Shape::List(&Shape::Any),
        "all matches of the pattern",
        regexall,
    ),
    Function::new(
        "replace",
        &[string("str"), string("substr"), string("replace")],
        Shape::String,
        "the text with every occurrence replaced; /…/ is a pattern",
        replace,
    ),
];

fn compile(pattern: &str, argument: usize) -> Result<Regex, Failure> {
    RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map_err(|e| {
        let reason = e.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        Failure::of(argument, format!("the pattern {pattern:?} is not valid: {reason}"))
    })
}

fn regex(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let pattern = compile(text(&args[0]), 0)?;
    match pattern.captures(text(&args[1])) {
        Some(found) => Ok(matched(&pattern, &found)),
        None => Err(Failure::of(1, "the pattern does not match any part of the text")
            .advice("Use can() or regexall() where a match is not certain.")),
    }
}

fn regexall(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let pattern = compile(text(&args[0]), 0)?;
    Ok(Value::list(pattern.captures_iter(text(&args[1])).map(|found| matched(&pattern, &found))))
}

/// The whole match; or a tuple of the groups; or an object where they have names.
fn matched(pattern: &Regex, found: &Captures<'_>) -> Value {
    let group = |i: usize| Value::from(found.get(i).map(|m| m.as_str()));
    if pattern.captures_len() == 1 {
        return group(0);
    }
    let names: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    if names.iter().any(Option::is_some) {
        let named = names.iter().enumerate().filter_map(|(i, name)| name.map(|n| (n, group(i + 1))));
        return Value::from(named.collect::<Object>());
    }
    Value::tuple((1..pattern.captures_len()).map(group))
}

fn replace(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (given, wanted, by) = (text(&args[0]), text(&args[1]), text(&args[2]));
    if wanted.len() > 1 && wanted.starts_with('/') && wanted.ends_with('/') {
        let pattern = compile(&wanted[1..wanted.len() - 1], 1)?;
        let mut result = String::with_capacity(given.len());
        let mut end = 0;
        for found in pattern.captures_iter(given) {
            let whole = found.get(0).expect("group 0 is the match");
            result.push_str(&given[end..whole.start()]);
            found.expand(by, &mut result);
            end = whole.end();
            check_size(result.len())?;
        }
        result.push_str(&given[end..]);
        return Ok(Value::from(result));
    }
    let count = given.matches(wanted).count();
    check_size(given.len().saturating_add(count.saturating_mul(by.len())))?;
    Ok(Value::from(given.replace(wanted, by)))
}
