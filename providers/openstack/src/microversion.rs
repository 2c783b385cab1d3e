use std::fmt;
use std::str::FromStr;

/// A version of a service's API, `2.67`. Versions of one service only add and change what they
/// announce; a request names the one that it is written for (API Special Interest Group,
/// "Microversion Specification").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(pub u32, pub u32);

impl FromStr for Microversion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self(major.parse().map_err(drop)?, minor.parse().map_err(drop)?))
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers() {
        let version = |text: &str| text.parse::<Microversion>().expect("a version");
        assert!(version("2.9") < version("2.46"));
        assert_eq!(version("3.42").to_string(), "3.42");
        assert!("3".parse::<Microversion>().is_err());
    }
}
