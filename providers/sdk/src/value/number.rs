use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, ToPrimitive, Zero};
use thiserror::Error;

/// More decimal digits than this on either side of the point are refused: `1e999999999` must not
/// become a gigabyte of zeros when printed.
const DIGITS_LIMIT: i64 = 4096;
/// Digits kept by a division that does not end, e.g. `1 / 3`.
const DIVISION_DIGITS: u64 = 100;

/// An exact decimal number. Small integers, nearly all numbers there are, take a fast path.
#[derive(Clone, Debug)]
pub struct Number(Repr);

/// Invariant: `Big` never holds what `Int` can, and is always normalized, so derived equality of
/// the two is equality of the numbers.
#[derive(Clone, Debug)]
enum Repr {
    Int(i64),
    Big(Arc<BigDecimal>),
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NumberError {
    #[error("\"{0}\" is not a number")]
    Syntax(String),
    #[error("the number has more than {DIGITS_LIMIT} digits")]
    TooLarge,
    #[error("division by zero")]
    DivisionByZero,
}

impl Number {
    fn from_big(value: BigDecimal) -> Result<Self, NumberError> {
        let (digits, scale) = value.as_bigint_and_exponent();
        let magnitude = (digits.bits() as i64) * 3 / 10;
        if scale.checked_abs().is_none_or(|s| s > DIGITS_LIMIT) || magnitude > 2 * DIGITS_LIMIT {
            return Err(NumberError::TooLarge);
        }
        if value.is_integer()
            && let Some(small) = value.to_i64()
        {
            return Ok(Self(Repr::Int(small)));
        }
        Ok(Self(Repr::Big(Arc::new(value.normalized()))))
    }

    fn big(&self) -> BigDecimal {
        match &self.0 {
            Repr::Int(i) => BigDecimal::from(*i),
            Repr::Big(b) => (**b).clone(),
        }
    }

    /// The number as an integer, where it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(i) => Some(*i),
            Repr::Big(_) => None,
        }
    }

    pub fn as_usize(&self) -> Option<usize> {
        self.as_i64().and_then(|i| usize::try_from(i).ok())
    }

    /// The nearest float; for display and durations only, never for arithmetic.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Int(i) => *i as f64,
            Repr::Big(b) => b.to_f64().unwrap_or(f64::NAN),
        }
    }

    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Big(b) => b.is_integer(),
        }
    }

    /// The exact decimal, for functions that need more than the four operations.
    pub fn to_big_decimal(&self) -> BigDecimal {
        self.big()
    }

    pub fn from_big_decimal(value: BigDecimal) -> Result<Self, NumberError> {
        Self::from_big(value)
    }

    fn binary(
        &self,
        other: &Self,
        fast: fn(i64, i64) -> Option<i64>,
        slow: fn(BigDecimal, BigDecimal) -> BigDecimal,
    ) -> Result<Self, NumberError> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(result) = fast(*a, *b)
        {
            return Ok(Self(Repr::Int(result)));
        }
        Self::from_big(slow(self.big(), other.big()))
    }

    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        self.binary(other, i64::checked_add, |a, b| a + b)
    }

    pub fn sub(&self, other: &Self) -> Result<Self, NumberError> {
        self.binary(other, i64::checked_sub, |a, b| a - b)
    }

    pub fn mul(&self, other: &Self) -> Result<Self, NumberError> {
        self.binary(other, i64::checked_mul, |a, b| a * b)
    }

    pub fn div(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let exact = |a: i64, b: i64| if a.checked_rem(b)? == 0 { a.checked_div(b) } else { None };
        self.binary(other, exact, |a, b| (a / b).with_prec(DIVISION_DIGITS))
    }

    /// The remainder, with the sign of the dividend.
    pub fn rem(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        self.binary(other, i64::checked_rem, |a, b| a % b)
    }

    pub fn neg(&self) -> Result<Self, NumberError> {
        Self::from(0).sub(self)
    }

    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Int(i) => *i == 0,
            Repr::Big(b) => b.is_zero(),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Repr::Int(value))
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self(Repr::Int(value.into()))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self(Repr::Int(small)),
            Err(_) => Self(Repr::Big(Arc::new(BigDecimal::from(BigInt::from(value)).normalized()))),
        }
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if let Ok(small) = text.parse::<i64>()
            && !text.starts_with('+')
        {
            return Ok(Self(Repr::Int(small)));
        }
        let shape_is_plain =
            text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        if !shape_is_plain || !text.bytes().any(|b| b.is_ascii_digit()) {
            return Err(NumberError::Syntax(text.to_owned()));
        }
        if text.len() as i64 > DIGITS_LIMIT {
            return Err(NumberError::TooLarge);
        }
        let big = BigDecimal::from_str(text).map_err(|_| NumberError::Syntax(text.to_owned()))?;
        Self::from_big(big)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(i) => write!(f, "{i}"),
            Repr::Big(b) => f.write_str(&b.to_plain_string()),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a.cmp(b),
            _ => self.big().cmp(&other.big()),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Int(i) => i.hash(state),
            Repr::Big(b) => b.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        text.parse().expect("a number")
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(n("0.1").add(&n("0.2")).expect("sum"), n("0.3"));
        assert_eq!(n("9223372036854775807").add(&n("1")).expect("sum").to_string(), "9223372036854775808");
        assert_eq!(n("1.50").to_string(), "1.5");
        assert_eq!(n("1e3").as_i64(), Some(1000));
        assert_eq!(n("2.0"), n("2"));
    }

    #[test]
    fn small_results_return_to_the_fast_path() {
        let back = n("9223372036854775808").sub(&n("1")).expect("difference");
        assert_eq!(back.as_i64(), Some(i64::MAX));
    }

    #[test]
    fn division_and_remainder() {
        assert_eq!(n("7").div(&n("2")).expect("quotient"), n("3.5"));
        assert_eq!(n("-7").rem(&n("3")).expect("remainder"), n("-1"));
        assert_eq!(n("7").rem(&n("0")), Err(NumberError::DivisionByZero));
        assert_eq!(Number::from(i64::MIN).rem(&n("-1")).expect("remainder"), n("0"));
    }

    #[test]
    fn bombs_are_refused() {
        assert_eq!("1e999999999".parse::<Number>(), Err(NumberError::TooLarge));
        assert_eq!("1e-999999999".parse::<Number>(), Err(NumberError::TooLarge));
        assert!("0x10".parse::<Number>().is_err());
        assert!("".parse::<Number>().is_err());
        assert!("inf".parse::<Number>().is_err());
    }
}
