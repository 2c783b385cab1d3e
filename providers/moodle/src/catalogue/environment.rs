use std::sync::LazyLock;

use regex::Regex;

use super::release::{Branch, Release};
use super::requirements::{Requirements, Version};

static COMMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!--.*?-->"));
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"<(/?[A-Z_]+)\b([^>]*)>"));
static REFUSED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^restrict_php_version_(\d)(\d*)$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
}

/// The row for a branch in Moodle's `admin/environment.xml`: its own or, as Moodle itself takes it,
/// that of the newest branch before. None where the file has none.
pub fn row(text: &str, branch: Branch) -> Option<Requirements> {
    let text = COMMENT.replace_all(text, "");
    let mut rows: Vec<Requirements> = Vec::new();
    let mut in_php = false;
    for found in TAG.captures_iter(&text) {
        let (tag, attributes) = (&found[1], &found[2]);
        let version = || attribute(attributes, "version").as_deref().and_then(Version::parse);
        if tag == "MOODLE" {
            // "5.0" here is a branch.
            let name = attribute(attributes, "version").and_then(|v| Release::parse(&v));
            let from = attribute(attributes, "requires").and_then(|v| Release::parse(&v));
            rows.extend(name.map(|name| empty(name.branch, from)));
            continue;
        }
        let Some(row) = rows.last_mut() else { continue };
        match tag {
            "VENDOR" => match attribute(attributes, "name").as_deref() {
                Some("mariadb") => row.mariadb = version(),
                Some("mysql") => row.mysql = version(),
                Some("postgres") => row.postgres = version(),
                _ => {}
            },
            "PHP" => {
                row.php = version();
                in_php = !attributes.trim_end().ends_with('/');
            }
            "/PHP" => in_php = false,
            "RESTRICT" if in_php => row.php_refused = refused(attributes),
            _ => {}
        }
    }
    rows.into_iter().filter(|row| row.branch <= branch).max_by_key(|row| row.branch)
}

fn empty(branch: Branch, from: Option<Release>) -> Requirements {
    Requirements { branch, from, php: None, php_refused: None, mariadb: None, mysql: None, postgres: None }
}

/// The file names a function of Moodle's, whose name tells the version.
fn refused(attributes: &str) -> Option<Version> {
    let function = attribute(attributes, "function")?;
    let digits = REFUSED.captures(&function)?;
    Version::parse(&format!("{}.{}", &digits[1], &digits[2]))
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, next) = after.split_once('"')?;
        if before.trim() == name {
            return Some(value.to_owned());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::releases::entry;

    /// As Moodle writes it; the words between the tags are left out.
    const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<COMPATIBILITY_MATRIX>
  <MOODLE version="4.5" requires="4.1.2">
    <DATABASE level="required">
      <VENDOR name="mariadb" version="10.6.7" />
      <VENDOR version="8.0" name="mysql" />
      <VENDOR name="postgres" version="13" />
    </DATABASE>
    <PHP version="8.1.0" level="required">
      <RESTRICT function="restrict_php_version_84" message="unsupportedphpversion84" />
    </PHP>
    <PHP_EXTENSIONS>
      <PHP_EXTENSION name="iconv" level="required">
    </PHP_EXTENSIONS>
    <PHP_SETTINGS><PHP_SETTING name="memory_limit" value="96M" level="required"></PHP_SETTINGS>
  </MOODLE>
  <!-- <MOODLE version="4.6" requires="4.5"> -->
  <MOODLE version="5.0" requires="4.2.3">
    <DATABASE level="required"><VENDOR name="mariadb" version="10.11.0" /><VENDOR name="mysql" version="8.4" />
      <VENDOR name="postgres" version="14" /></DATABASE>
    <PHP version="8.2.0" level="required">
    </PHP>
    <CUSTOM_CHECK file="lib/upgradelib.php" function="check_x" level="required">
      <RESTRICT function="restrict_php_version_99" message="of something else" />
  </MOODLE>
</COMPATIBILITY_MATRIX>"#;

    #[test]
    fn the_rows_are_those_of_the_catalogue() {
        for branch in [Branch(4, 5), Branch(5, 0)] {
            let known = entry(branch).expect("an entry").requirements();
            assert_eq!(row(FILE, branch), Some(known));
        }
    }

    #[test]
    fn a_branch_without_a_row_takes_the_one_before() {
        assert_eq!(row(FILE, Branch(4, 6)).expect("a row").branch, Branch(4, 5));
        assert_eq!(row(FILE, Branch(5, 9)).expect("a row").branch, Branch(5, 0));
        assert_eq!(row(FILE, Branch(4, 4)), None);
        assert_eq!(row("", Branch(5, 0)), None);
    }
}
