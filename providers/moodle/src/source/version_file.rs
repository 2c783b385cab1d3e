use std::sync::LazyLock;

use regex::Regex;

/// What Moodle's `version.php` says. It is read as text and never run: it is somebody else's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFile {
    /// The exact decimal, e.g. `2025041406.11`.
    pub version: String,
    /// E.g. `5.0.6+ (Build: 20260403)`.
    pub release: String,
    /// E.g. `500`.
    pub branch: Option<String>,
    /// `alpha`, `beta`, `rc`, `stable`.
    pub maturity: Option<String>,
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\$version\s*=\s*([0-9]+(?:\.[0-9]+)?)\s*;"));
static RELEASE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*\$release\s*=\s*['"]([^'"\n]+)['"]\s*;"#));
static BRANCH: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*\$branch\s*=\s*['"]?([0-9]+)['"]?\s*;"#));
static MATURITY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*\$maturity\s*=\s*(MATURITY_[A-Z]+|[0-9]+)\s*;"));

fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?m){text}")).expect("the pattern is valid")
}

impl VersionFile {
    /// None where it lacks a version or release, and so is none of Moodle's core.
    pub fn parse(text: &str) -> Option<Self> {
        let first = |regex: &Regex| regex.captures(text).map(|c| c[1].trim().to_owned());
        Some(Self {
            version: first(&VERSION)?,
            release: first(&RELEASE)?,
            branch: first(&BRANCH),
            maturity: first(&MATURITY).map(|m| maturity(&m)),
        })
    }
}

/// The constant or its value, as a word.
fn maturity(text: &str) -> String {
    match text {
        "50" => "alpha".into(),
        "100" => "beta".into(),
        "150" => "rc".into(),
        "200" => "stable".into(),
        other => other.trim_start_matches("MATURITY_").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "<?php\n// $version  = 1999010100;\ndefined('MOODLE_INTERNAL') || die();\n\n\
        $version  = 2025041406.11;              // YYYYMMDD = date\n\
        $release  = '5.0.6+ (Build: 20260403)'; // Human-friendly\n\
        $branch   = '500';\n$maturity = MATURITY_STABLE; // level\n";

    #[test]
    fn the_facts_are_read_as_text() {
        let file = VersionFile::parse(FILE).expect("a version file");
        assert_eq!(file.version, "2025041406.11");
        assert_eq!(file.release, "5.0.6+ (Build: 20260403)");
        assert_eq!(file.branch.as_deref(), Some("500"));
        assert_eq!(file.maturity.as_deref(), Some("stable"));
    }

    #[test]
    fn the_version_stays_an_exact_decimal() {
        let text = "$version = 2024100700.10;\n$release = \"4.5\";\n$maturity = 150;";
        let file = VersionFile::parse(text).expect("a version file");
        assert_eq!(file.version, "2024100700.10");
        assert_eq!((file.branch, file.maturity.as_deref()), (None, Some("rc")));
    }

    #[test]
    fn a_plugins_version_file_is_none_of_core() {
        for text in ["", "<?php $plugin->version = 2025010100;", "$version = 1.00;", "$release = '5.0';"] {
            assert_eq!(VersionFile::parse(text), None, "{text}");
        }
    }
}
