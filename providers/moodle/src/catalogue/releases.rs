//! The catalogue itself: what was known in 2026-08.
//!
//! Dates: `data/versions.json` of moodle/devdocs at fa57ca2 (2026-08-07); those after that day are
//! plans. Requirements: `admin/environment.xml` of Moodle 5.0.6+, which has the rows up to 5.2, and
//! for 5.3 and the newest PHP the release notes of moodle/devdocs. The file in the code that is
//! installed always wins over this one.

use super::release::{Branch, Release};
use super::requirements::{Requirements, Version};

/// When the facts were looked up.
pub const AS_OF: &str = "2026-08";

/// One branch.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub branch: Branch,
    pub is_long_term: bool,
    pub released: &'static str,
    pub from: &'static str,
    pub php: &'static str,
    pub php_refused: Option<&'static str>,
    /// The newest that it was made for. What is newer may work, unless it is refused.
    pub php_newest: &'static str,
    pub mariadb: &'static str,
    pub mysql: &'static str,
    pub postgres: &'static str,
    /// The folder of the tree that is served.
    pub docroot: &'static str,
    /// The last day on which ordinary bugs are mended.
    pub general_end: &'static str,
    /// The last day on which security holes are.
    pub security_end: &'static str,
}

/// Rising.
pub const ENTRIES: &[Entry] = &[
    Entry {
        branch: Branch(4, 0),
        is_long_term: false,
        released: "2022-04-19",
        from: "3.6",
        php: "7.3",
        php_refused: Some("8.1"),
        php_newest: "8.0",
        mariadb: "10.2.29",
        mysql: "5.7",
        postgres: "10",
        docroot: "",
        general_end: "2023-06-12",
        security_end: "2023-12-11",
    },
    Entry {
        branch: Branch(4, 1),
        is_long_term: true,
        released: "2022-11-28",
        from: "3.9",
        php: "7.4",
        php_refused: Some("8.2"),
        php_newest: "8.1",
        mariadb: "10.4",
        mysql: "5.7",
        postgres: "12",
        docroot: "",
        general_end: "2023-12-11",
        security_end: "2025-12-08",
    },
    Entry {
        branch: Branch(4, 2),
        is_long_term: false,
        released: "2023-04-24",
        from: "3.11.8",
        php: "8.0",
        php_refused: Some("8.3"),
        php_newest: "8.2",
        mariadb: "10.6.7",
        mysql: "8.0",
        postgres: "13",
        docroot: "",
        general_end: "2024-04-22",
        security_end: "2024-10-07",
    },
    Entry {
        branch: Branch(4, 3),
        is_long_term: false,
        released: "2023-10-09",
        from: "3.11.8",
        php: "8.0",
        php_refused: Some("8.3"),
        php_newest: "8.2",
        mariadb: "10.6.7",
        mysql: "8.0",
        postgres: "13",
        docroot: "",
        general_end: "2024-10-07",
        security_end: "2025-04-21",
    },
    Entry {
        branch: Branch(4, 4),
        is_long_term: false,
        released: "2024-04-22",
        from: "4.1.2",
        php: "8.1",
        php_refused: Some("8.4"),
        php_newest: "8.3",
        mariadb: "10.6.7",
        mysql: "8.0",
        postgres: "13",
        docroot: "",
        general_end: "2025-04-21",
        security_end: "2025-12-08",
    },
    Entry {
        branch: Branch(4, 5),
        is_long_term: true,
        released: "2024-10-07",
        from: "4.1.2",
        php: "8.1",
        php_refused: Some("8.4"),
        php_newest: "8.3",
        mariadb: "10.6.7",
        mysql: "8.0",
        postgres: "13",
        docroot: "",
        general_end: "2025-10-06",
        security_end: "2027-10-04",
    },
    Entry {
        branch: Branch(5, 0),
        is_long_term: false,
        released: "2025-04-14",
        from: "4.2.3",
        php: "8.2",
        php_refused: None,
        php_newest: "8.4",
        mariadb: "10.11.0",
        mysql: "8.4",
        postgres: "14",
        docroot: "",
        general_end: "2026-04-20",
        security_end: "2026-10-05",
    },
    Entry {
        branch: Branch(5, 1),
        is_long_term: false,
        released: "2025-10-06",
        from: "4.2.3",
        php: "8.2",
        php_refused: None,
        php_newest: "8.4",
        mariadb: "10.11.0",
        mysql: "8.4",
        postgres: "15",
        docroot: "public",
        general_end: "2026-10-05",
        security_end: "2027-04-19",
    },
    Entry {
        branch: Branch(5, 2),
        is_long_term: false,
        released: "2026-04-20",
        from: "4.4",
        php: "8.3",
        php_refused: None,
        php_newest: "8.4",
        mariadb: "10.11.0",
        mysql: "8.4",
        postgres: "16",
        docroot: "public",
        general_end: "2027-04-19",
        security_end: "2027-10-04",
    },
    Entry {
        branch: Branch(5, 3),
        is_long_term: true,
        released: "2026-10-05",
        from: "4.5",
        php: "8.3",
        php_refused: None,
        php_newest: "8.4",
        mariadb: "10.11.0",
        mysql: "8.4",
        postgres: "16",
        docroot: "public",
        general_end: "2027-10-04",
        security_end: "2029-10-01",
    },
];

pub fn entry(branch: Branch) -> Option<&'static Entry> {
    ENTRIES.iter().find(|e| e.branch == branch)
}

impl Entry {
    pub fn requirements(&self) -> Requirements {
        Requirements {
            branch: self.branch,
            from: Release::parse(self.from),
            php: Version::parse(self.php),
            php_refused: self.php_refused.and_then(Version::parse),
            mariadb: Version::parse(self.mariadb),
            mysql: Version::parse(self.mysql),
            postgres: Version::parse(self.postgres),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;

    #[test]
    fn every_fact_can_be_read_and_is_in_order() {
        let date = |text: &str| text.parse::<Date>().expect("a date");
        for entry in ENTRIES {
            assert!(date(entry.released) < date(entry.general_end), "{entry:?}");
            assert!(date(entry.general_end) <= date(entry.security_end), "{entry:?}");
            let needs = entry.requirements();
            assert!(needs.from.is_some_and(|f| f.branch < entry.branch), "{entry:?}");
            let newest = Version::parse(entry.php_newest).expect("a version");
            assert!(needs.php.expect("a version") <= newest, "{entry:?}");
            assert!(needs.php_refused.is_none_or(|refused| newest < refused), "{entry:?}");
            assert!(
                needs.mariadb.is_some() && needs.mysql.is_some() && needs.postgres.is_some(),
                "{entry:?}"
            );
            assert_eq!(entry.docroot, if entry.branch >= Branch(5, 1) { "public" } else { "" });
        }
        for pair in ENTRIES.windows(2) {
            assert!(pair[0].branch < pair[1].branch && date(pair[0].released) < date(pair[1].released));
        }
    }
}
