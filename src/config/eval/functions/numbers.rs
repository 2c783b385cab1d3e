use std::cmp::Ordering;

use mprov_sdk::{Number, NumberError, Value};

use super::signature::{Failure, Function, Param, Shape, Surroundings, number, string};

/// Bits of a power that is computed exactly.
const POWER_BITS: f64 = 13_000.0;

const NUM: &[Param] = &[number("num")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("abs", NUM, Shape::Number, "the number without its sign", abs),
    Function::new("ceil", NUM, Shape::Number, "the next whole number, upwards", ceil),
    Function::new("floor", NUM, Shape::Number, "the next whole number, downwards", floor),
    Function::new(
        "log",
        &[number("num"), number("base")],
        Shape::Number,
        "the logarithm of a number to a base",
        log,
    ),
    Function::new("max", &[number("number")], Shape::Number, "the largest of the numbers", max)
        .rest(number("numbers")),
    Function::new("min", &[number("number")], Shape::Number, "the smallest of the numbers", min)
        .rest(number("numbers")),
    Function::new("pow", &[number("num"), number("power")], Shape::Number, "the number to the power", pow),
    Function::new("signum", NUM, Shape::Number, "-1, 0 or 1, the sign of the number", signum),
    Function::new(
        "parseint",
        &[string("number"), number("base")],
        Shape::Number,
        "the whole number written in a base from 2 to 62",
        parseint,
    ),
];

/// An argument that the parameter made a number.
pub fn num(value: &Value) -> &Number {
    value.as_number().expect("the parameter is a number")
}

pub fn failed(error: NumberError) -> Failure {
    Failure::new(error.to_string())
}

/// A whole number that fits, or the failure that says so.
pub fn whole(args: &[Value], at: usize) -> Result<i64, Failure> {
    let number = num(&args[at]);
    match number.as_i64() {
        Some(whole) => Ok(whole),
        None if number.is_integer() => Err(Failure::of(at, "the number is too large")),
        None => Err(Failure::of(at, format!("a whole number is needed, not {number}"))),
    }
}

/// A number from a float, with the digits that tell it from its neighbours.
pub fn from_float(value: f64) -> Result<Value, Failure> {
    if !value.is_finite() {
        return Err(Failure::new("the result is not a number"));
    }
    let exact: Result<Number, _> = format!("{value:e}").parse();
    exact.map(Value::Number).map_err(failed)
}

fn abs(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let n = num(&args[0]);
    if *n < Number::from(0) { n.neg().map(Value::Number).map_err(failed) } else { Ok(args[0].clone()) }
}

fn floor(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    rounded(num(&args[0]), false)
}

fn ceil(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    rounded(num(&args[0]), true)
}

fn rounded(n: &Number, up: bool) -> Result<Value, Failure> {
    if n.is_integer() {
        return Ok(Value::Number(n.clone()));
    }
    let one = Number::from(1);
    let toward_zero = n.rem(&one).and_then(|fraction| n.sub(&fraction)).map_err(failed)?;
    let negative = *n < Number::from(0);
    let rounded = match (up, negative) {
        (true, false) => toward_zero.add(&one),
        (false, true) => toward_zero.sub(&one),
        _ => Ok(toward_zero),
    };
    rounded.map(Value::Number).map_err(failed)
}

fn log(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let result = num(&args[0]).to_f64().ln() / num(&args[1]).to_f64().ln();
    from_float(result)
}

fn max(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(extreme(args, Ordering::Greater))
}

fn min(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(extreme(args, Ordering::Less))
}

fn extreme(args: &[Value], wanted: Ordering) -> Value {
    let mut best = &args[0];
    for candidate in &args[1..] {
        if num(candidate).cmp(num(best)) == wanted {
            best = candidate;
        }
    }
    best.clone()
}

fn pow(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (base, power) = (num(&args[0]), num(&args[1]));
    let size = base.to_f64().abs();
    let bits = if size > 0.0 { size.log2().abs() * power.to_f64().abs() } else { 0.0 };
    match power.as_i64().and_then(|p| u32::try_from(p).ok()) {
        Some(power) if bits <= POWER_BITS => exact_power(base, power).map(Value::Number).map_err(failed),
        Some(_) if base.is_integer() => Err(Failure::too_large("the result is too large")),
        _ => from_float(base.to_f64().powf(power.to_f64())),
    }
}

fn exact_power(base: &Number, mut power: u32) -> Result<Number, NumberError> {
    let mut result = Number::from(1);
    let mut square = base.clone();
    while power > 0 {
        if power & 1 == 1 {
            result = result.mul(&square)?;
        }
        power >>= 1;
        if power > 0 {
            square = square.mul(&square)?;
        }
    }
    Ok(result)
}

fn signum(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(match num(&args[0]).cmp(&Number::from(0)) {
        Ordering::Less => (-1).into(),
        Ordering::Equal => 0.into(),
        Ordering::Greater => 1.into(),
    })
}

fn parseint(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let text = args[0].as_str().expect("the parameter is a string");
    let base = whole(args, 1)?;
    if !(2..=62).contains(&base) {
        return Err(Failure::of(1, "the base is a whole number from 2 to 62"));
    }
    let malformed = || Failure::of(0, format!("{text:?} is no whole number in base {base}"));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.len() > 4096 {
        return Err(malformed());
    }
    let mut result = Number::from(0);
    for c in digits.chars() {
        let digit = digit(c, base).ok_or_else(malformed)?;
        result = result.mul(&base.into()).and_then(|n| n.add(&digit.into())).map_err(failed)?;
    }
    if negative { result.neg().map(Value::Number).map_err(failed) } else { Ok(Value::Number(result)) }
}

/// Up to base 36 letters count the same in both cases; above, upper case follows lower case.
fn digit(c: char, base: i64) -> Option<i64> {
    let value = match c {
        '0'..='9' => c as i64 - '0' as i64,
        'a'..='z' => c as i64 - 'a' as i64 + 10,
        'A'..='Z' if base <= 36 => c as i64 - 'A' as i64 + 10,
        'A'..='Z' => c as i64 - 'A' as i64 + 36,
        _ => return None,
    };
    (value < base).then_some(value)
}
