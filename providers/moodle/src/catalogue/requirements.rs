use std::cmp::Ordering;
use std::fmt;

use super::release::{Branch, Release};

/// The version of a program: the numbers at the beginning of "10.11.6-MariaDB-0+deb12u1". Missing
/// places count as 0.
#[derive(Clone, Debug)]
pub struct Version(Vec<u32>);

impl Version {
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers = text[..end].trim_end_matches('.');
        let numbers: Option<Vec<u32>> = numbers.split('.').map(|n| n.parse().ok()).collect();
        numbers.map(Self)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let places = self.0.len().max(other.0.len());
        let place = |v: &Self, i: usize| v.0.get(i).copied().unwrap_or(0);
        (0..places)
            .map(|i| place(self, i).cmp(&place(other, i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// 8.2 for 8.2.0, as people say it.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = &self.0[..];
        while let [head @ .., 0] = numbers
            && head.len() > 1
        {
            numbers = head;
        }
        let text: Vec<String> = numbers.iter().map(u32::to_string).collect();
        f.write_str(&text.join("."))
    }
}

/// What a branch needs: its row of the catalogue, or of the code's own `admin/environment.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    pub branch: Branch,
    /// The least release that can be upgraded to it.
    pub from: Option<Release>,
    pub php: Option<Version>,
    /// The first version that is refused.
    pub php_refused: Option<Version>,
    pub mariadb: Option<Version>,
    pub mysql: Option<Version>,
    pub postgres: Option<Version>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_numbers() {
        let version = |text: &str| Version::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert!(version("10.11.6-MariaDB-0+deb12u1") > version("10.6.7"));
        assert!(version("8.2") == version("8.2.0") && version("8.2.36") > version("8.2"));
        assert!(version("15.8 (Debian 15.8-0+deb12u1)") >= version("15"));
        assert_eq!((version("8.2.0").to_string(), version("14").to_string()), ("8.2".into(), "14".into()));
        for text in ["", "x", "a8.2", "8..2", "99999999999"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
