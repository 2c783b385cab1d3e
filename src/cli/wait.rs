use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A time to wait, as `30s`, `5m` or `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a time such as 30s, 5m or 1h");
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let seconds = match unit {
            "s" => Some(number),
            "m" => number.checked_mul(60),
            "h" => number.checked_mul(3600),
            _ => None,
        };
        Ok(Self(Duration::from_secs(seconds.ok_or_else(wrong)?)))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        let seconds = |text: &str| text.parse::<Wait>().ok().map(|w| w.0.as_secs());
        assert_eq!([seconds("30s"), seconds("5m"), seconds("1h")], [Some(30), Some(300), Some(3600)]);
        for wrong in ["", "30", "s", "1d", "-1s", "99999999999999999999s", "9999999999999999999h"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
