use mprov_sdk::{Number, Type, Value, convert};

use super::decimal::Decimal;
use super::json::to_json;
use super::signature::{Failure, Function, STRINGS, Shape, Surroundings, any, string};
use super::text::{characters, check_size};
use crate::config::eval::explain::kind;
use crate::config::eval::literal::normal;

/// Widths and precisions beyond this are refused.
const WIDTH: usize = 4096;

pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "format",
        &[string("format")],
        Shape::String,
        "the text with its verbs (%s, %d, %v, …) replaced by the values",
        |_, a| Ok(normal(&format(a[0].as_str().unwrap_or_default(), &a[1..])?)),
    )
    .rest(any("args").nullable()),
    Function::new(
        "formatlist",
        &[string("format")],
        STRINGS,
        "the text formatted for each element of the lists",
        formatlist,
    )
    .rest(any("args").nullable().unknowable()),
];

/// One `%…` of a format.
#[derive(Default)]
struct Verb {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    letter: char,
}

fn formatlist(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let text = args[0].as_str().unwrap_or_default();
    let mut count: Option<usize> = None;
    for (at, arg) in args.iter().enumerate().skip(1) {
        if let Value::Unknown(u) = arg
            && !u.ty.is_primitive()
        {
            return Ok(Value::unknown(Type::list(Type::String)));
        }
        let Some(items) = arg.as_elements() else { continue };
        match count {
            Some(n) if n != items.len() => {
                return Err(Failure::of(
                    at,
                    format!("this list has {} elements, an earlier one {n}", items.len()),
                ));
            }
            _ => count = Some(items.len()),
        }
    }
    let rows = count.unwrap_or(1);
    let row = |i: usize| -> Vec<Value> {
        let cell = |arg: &Value| arg.as_elements().map_or_else(|| arg.clone(), |items| items[i].clone());
        args[1..].iter().map(cell).collect()
    };
    let mut size = 0;
    let mut lines = Vec::new();
    for i in 0..rows {
        let cells = row(i);
        if cells.iter().any(Value::contains_unknown) {
            lines.push(Value::unknown(Type::String));
            continue;
        }
        let line = format(text, &cells)?;
        size += line.len();
        check_size(size)?;
        lines.push(normal(&line));
    }
    Ok(Value::list(lines))
}

fn format(text: &str, args: &[Value]) -> Result<String, Failure> {
    let mut output = String::new();
    let mut chars = text.chars().peekable();
    let mut next = 0;
    let mut highest = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            output.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            output.push('%');
            continue;
        }
        let (verb, index) = parse_verb(&mut chars)?;
        if let Some(index) = index {
            next = index;
        }
        let Some(arg) = args.get(next) else {
            return Err(Failure::new(format!("there is no argument {} for %{}", next + 1, verb.letter)));
        };
        output.push_str(&render(&verb, arg).map_err(|m| Failure::of(next + 1, m))?);
        check_size(output.len())?;
        next += 1;
        highest = highest.max(next);
    }
    if highest < args.len() {
        let message = format!("the text uses {highest} of {} arguments", args.len());
        return Err(Failure::of(highest + 1, message).advice("Every argument needs a verb, such as %s."));
    }
    Ok(output)
}

/// What follows a `%`, and the argument it names with `[n]`.
fn parse_verb(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(Verb, Option<usize>), Failure> {
    let mut verb = Verb::default();
    while let Some(flag) = chars.next_if(|c| "+-# 0".contains(*c)) {
        match flag {
            '+' => verb.plus = true,
            '-' => verb.minus = true,
            '#' => verb.sharp = true,
            ' ' => verb.space = true,
            _ => verb.zero = true,
        }
    }
    verb.width = digits(chars)?;
    if chars.next_if_eq(&'.').is_some() {
        verb.precision = Some(digits(chars)?.unwrap_or(0));
    }
    let mut index = None;
    if chars.next_if_eq(&'[').is_some() {
        index = digits(chars)?.and_then(|n| n.checked_sub(1));
        if index.is_none() || chars.next_if_eq(&']').is_none() {
            return Err(Failure::of(0, "%[ is followed by the number of an argument and ]"));
        }
    }
    verb.letter = chars.next().ok_or_else(|| Failure::of(0, "the text ends inside of a verb"))?;
    Ok((verb, index))
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<usize>, Failure> {
    let mut number = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        let next = number.unwrap_or(0) * 10 + digit as usize;
        if next > WIDTH {
            return Err(Failure::of(0, format!("widths go up to {WIDTH}")));
        }
        number = Some(next);
    }
    Ok(number)
}

fn render(verb: &Verb, arg: &Value) -> Result<String, String> {
    if arg.is_null() && verb.letter != 'v' {
        return Err(format!("null cannot be written with %{}", verb.letter));
    }
    match verb.letter {
        'v' => Ok(pad(verb, plain(verb, arg)?)),
        't' => {
            let bool = convert(arg, &Type::Bool).map_err(|e| e.to_string())?;
            Ok(pad(verb, bool.as_bool().unwrap_or_default().to_string()))
        }
        's' | 'q' => {
            let text = convert(arg, &Type::String)
                .map_err(|_| format!("%{} takes a string, not {}", verb.letter, kind(arg)))?;
            let text = text.as_str().unwrap_or_default();
            let cut: String = match verb.precision {
                Some(n) => text.chars().take(n).collect(),
                None => text.to_owned(),
            };
            Ok(pad(verb, if verb.letter == 'q' { to_json(&Value::from(cut))? } else { cut }))
        }
        'd' | 'b' | 'o' | 'x' | 'X' => integer(verb, &numeric(verb, arg)?),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => float(verb, &numeric(verb, arg)?),
        other => Err(format!("there is no verb %{other}")),
    }
}

fn numeric(verb: &Verb, arg: &Value) -> Result<Number, String> {
    let number = convert(arg, &Type::Number)
        .map_err(|_| format!("%{} takes a number, not {}", verb.letter, kind(arg)))?;
    number.as_number().cloned().ok_or_else(|| "a number is needed".to_owned())
}

/// `%v`: strings as they are, numbers in their shortest form, everything else as JSON.
fn plain(verb: &Verb, arg: &Value) -> Result<String, String> {
    match arg {
        Value::String(s) if !verb.sharp => Ok(s.to_string()),
        Value::Number(n) if !verb.sharp => Ok(shortest(n)),
        other => to_json(other),
    }
}

fn pad(verb: &Verb, text: String) -> String {
    let missing = verb.width.unwrap_or(0).saturating_sub(characters(&text));
    match verb.minus {
        true => text + &" ".repeat(missing),
        false => {
            let fill = if verb.zero { "0" } else { " " };
            fill.repeat(missing) + &text
        }
    }
}

/// Sign and digits, with the zeros between them that the width asks for.
fn signed(verb: &Verb, negative: bool, digits: String) -> String {
    let sign = match (negative, verb.plus, verb.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    let missing = verb.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
    match (verb.minus, verb.zero) {
        (true, _) => format!("{sign}{digits}{}", " ".repeat(missing)),
        (false, true) => format!("{sign}{}{digits}", "0".repeat(missing)),
        (false, false) => format!("{}{sign}{digits}", " ".repeat(missing)),
    }
}

fn integer(verb: &Verb, number: &Number) -> Result<String, String> {
    if !number.is_integer() {
        return Err(format!("%{} takes a whole number, not {number}", verb.letter));
    }
    let whole = number.to_string();
    let (negative, digits) = match whole.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, whole.as_str()),
    };
    if verb.letter == 'd' {
        return Ok(signed(verb, negative, digits.to_owned()));
    }
    let value: u128 = digits.parse().map_err(|_| format!("the number is too large for %{}", verb.letter))?;
    let (prefix, digits) = match verb.letter {
        'b' => ("0b", format!("{value:b}")),
        'o' => ("0", format!("{value:o}")),
        'x' => ("0x", format!("{value:x}")),
        _ => ("0X", format!("{value:X}")),
    };
    let digits = if verb.sharp { format!("{prefix}{digits}") } else { digits };
    Ok(signed(verb, negative, digits))
}

fn float(verb: &Verb, number: &Number) -> Result<String, String> {
    let decimal = Decimal::of(number);
    let precision = verb.precision;
    let digits = match verb.letter {
        'f' | 'F' => decimal.fixed(precision.unwrap_or(6)),
        'e' | 'E' => decimal.rounded(precision.unwrap_or(6) + 1).exponent(Some(precision.unwrap_or(6))),
        _ => match precision {
            Some(p) => {
                let p = p.max(1);
                decimal.rounded(p).general(p)
            }
            None => decimal.general_shortest(),
        },
    };
    let digits = if verb.letter.is_uppercase() { digits.to_uppercase() } else { digits };
    Ok(signed(verb, decimal.negative, digits))
}

/// The shortest form: an exponent below 0.0001 and from a million on, unless digits are lost.
fn shortest(number: &Number) -> String {
    let decimal = Decimal::of(number);
    let text = decimal.general_shortest();
    if decimal.negative { format!("-{text}") } else { text }
}
