use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// A branch of Moodle: 4.5, 5.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch(pub u32, pub u32);

impl Branch {
    /// As `$branch` of version.php has it: 405, 500.
    pub fn from_code(code: &str) -> Option<Self> {
        let code: u32 = code.parse().ok()?;
        (code >= 100).then_some(Self(code / 100, code % 100))
    }

    pub fn code(self) -> u32 {
        self.0 * 100 + self.1
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A release as `$release` of version.php or a person writes it: "4.5.5+ (Build: 20250613)",
/// "5.0.6", "5.1". The last has neither patch level nor build and means the newest of its branch;
/// the first of a branch has a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub branch: Branch,
    patch: u32,
    /// Alpha, beta, release candidate or development.
    pub is_unstable: bool,
    /// The day it was put together, as a number: 20250613.
    pub build: Option<u32>,
}

/// The patch level of a branch's newest release, whichever that is.
const NEWEST: u32 = u32::MAX;

static RELEASE: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"(?x) ^ (\d{1,4}) \. (\d{1,4}) (?: \. (\d{1,4}) )? \s*
        ( (?: dev | alpha | beta | rc ) \d* )? \+? \s* (?: \( Build: \s* (\d{8}) \) )? $";
    Regex::new(text).expect("the pattern is valid")
});

impl Release {
    pub fn parse(text: &str) -> Option<Self> {
        let found = RELEASE.captures(text.trim())?;
        let number = |i: usize| found.get(i).and_then(|m| m.as_str().parse::<u32>().ok());
        let is_unstable = found.get(4).is_some();
        let build = number(5);
        let whole_branch = !is_unstable && build.is_none();
        let patch = number(3).unwrap_or(if whole_branch { NEWEST } else { 0 });
        Some(Self { branch: Branch(number(1)?, number(2)?), patch, is_unstable, build })
    }

    pub fn newest_of(branch: Branch) -> Self {
        Self { branch, patch: NEWEST, is_unstable: false, build: None }
    }

    pub fn is_newest(&self) -> bool {
        self.patch == NEWEST
    }

    /// At least that release; builds do not matter.
    pub fn reaches(&self, least: &Release) -> bool {
        // "4.4" as the least of something is the first of the branch.
        let patch = if least.is_newest() { 0 } else { least.patch };
        let stable = least.is_unstable || !self.is_unstable;
        (self.branch, self.patch, stable) >= (least.branch, patch, true)
    }

    /// By branch, patch level and build, as far as both have one.
    pub fn compare(&self, other: &Release) -> Ordering {
        let rank = |r: &Release| (r.branch, r.patch, !r.is_unstable);
        let builds = match (self.build, other.build) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => Ordering::Equal,
        };
        rank(self).cmp(&rank(other)).then(builds)
    }
}

/// Without the build.
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            0 | NEWEST => write!(f, "{}", self.branch),
            patch => write!(f, "{}.{patch}", self.branch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn releases_are_read_as_version_php_has_them() {
        let weekly = release("4.5.5+ (Build: 20250613)");
        assert_eq!((weekly.branch, weekly.patch, weekly.build), (Branch(4, 5), 5, Some(20_250_613)));
        assert_eq!(release("5.0 (Build: 20250414)").patch, 0);
        assert!(release("5.0").is_newest() && !release("5.0.6").is_newest());
        assert!(
            release("5.1rc2 (Build: 20250926)").is_unstable
                && release("5.1dev+ (Build: 20250801)").is_unstable
        );
        for text in ["", "5", "5.0.6.1", "v5.0", "5.0 beta gamma", "5.0 (Build: 2025)", "latest"] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
    }

    #[test]
    fn releases_have_an_order() {
        let rising = [
            "3.11.8",
            "4.1.2",
            "4.1.10",
            "4.1",
            "4.5.5 (Build: 20250611)",
            "4.5.5+ (Build: 20250613)",
            "5.0beta (Build: 20250401)",
            "5.0 (Build: 20250414)",
            "5.0.1",
            "5.0",
        ];
        for pair in rising.windows(2) {
            assert_eq!(release(pair[0]).compare(&release(pair[1])), Ordering::Less, "{pair:?}");
        }
        assert_eq!(release("4.5.5").compare(&release("4.5.5+ (Build: 20250613)")), Ordering::Equal);
    }

    #[test]
    fn a_least_release_is_reached_or_not() {
        for (have, least, reaches) in [
            ("4.1.2 (Build: 20230313)", "4.1.2", true),
            ("4.1.1+ (Build: 20230303)", "4.1.2", false),
            ("4.1", "4.1.2", true),
            ("4.2", "4.1.2", true),
            ("4.4 (Build: 20240422)", "4.4", true),
            ("4.4beta (Build: 20240401)", "4.4", false),
            ("3.11.7", "3.11.8", false),
        ] {
            assert_eq!(release(have).reaches(&release(least)), reaches, "{have} {least}");
        }
    }

    #[test]
    fn branches_are_written_in_two_ways() {
        assert_eq!(Branch::from_code("405"), Some(Branch(4, 5)));
        assert_eq!(Branch::from_code("311"), Some(Branch(3, 11)));
        assert_eq!(Branch::from_code("39"), None);
        assert_eq!((Branch(5, 1).code(), Branch(5, 1).to_string()), (501, "5.1".to_owned()));
    }
}
