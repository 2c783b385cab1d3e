use std::cmp::Ordering;

use jiff::civil::Date;

use super::release::Release;
use super::releases::{AS_OF, ENTRIES, Entry, entry};
use super::requirements::{Requirements, Version};
use super::route::hops;

/// How many days before its end support is worth a warning.
const SOON: i32 = 90;

/// An upgrade that somebody thinks of.
pub struct Question {
    /// None: a first installation.
    pub from: Option<Release>,
    pub to: Release,
    pub php: Option<Version>,
    pub mariadb: Option<Version>,
    pub postgres: Option<Version>,
    pub today: Option<Date>,
    /// What the code itself says it needs; the catalogue is asked only where it does not.
    pub needs: Option<Requirements>,
}

/// What there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub hops: Vec<String>,
    /// Ends of support of the branch that is gone to, where the catalogue knows it.
    pub general_end: Option<&'static str>,
    pub security_end: Option<&'static str>,
    pub docroot: Option<&'static str>,
    pub warnings: Vec<String>,
}

/// The advice, or all that makes it impossible, each in a sentence.
pub fn advise(question: &Question) -> Result<Advice, Vec<String>> {
    let known = entry(question.to.branch);
    let needs = question.needs.clone().or_else(|| known.map(Entry::requirements));
    let mut problems = Vec::new();
    let hops = hops(question.from.as_ref(), &question.to, needs.as_ref());
    let hops = hops.map_err(|why| problems.push(why)).unwrap_or_default();
    if let Some(needs) = &needs {
        problems.extend(php_problem(question, needs, known));
        problems.extend(database_problem(question, "MariaDB", &question.mariadb, &needs.mariadb));
        problems.extend(database_problem(question, "PostgreSQL", &question.postgres, &needs.postgres));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Advice {
        hops,
        general_end: known.map(|e| e.general_end),
        security_end: known.map(|e| e.security_end),
        docroot: known.map(|e| e.docroot),
        warnings: warnings(question, known),
    })
}

fn php_problem(question: &Question, needs: &Requirements, known: Option<&Entry>) -> Option<String> {
    let (php, least) = (question.php.as_ref()?, needs.php.as_ref()?);
    let to = &question.to;
    let newest = known.map(|e| format!(" to {}", e.php_newest)).unwrap_or_default();
    if php < least {
        return Some(format!(
            "PHP {php} is too old for Moodle {to}, which needs {least}: use an image with PHP {least}{newest}"
        ));
    }
    let refused = needs.php_refused.as_ref().filter(|refused| php >= refused)?;
    Some(format!(
        "PHP {php} is too new for Moodle {to}, which refuses {refused} and later: use an image with PHP \
         {least}{newest}"
    ))
}

fn database_problem(
    question: &Question,
    name: &str,
    have: &Option<Version>,
    least: &Option<Version>,
) -> Option<String> {
    let (have, least) = (have.as_ref()?, least.as_ref()?);
    (have < least).then(|| {
        format!(
            "{name} {have} is too old for Moodle {}, which needs {least}: upgrade the database before Moodle",
            question.to
        )
    })
}

fn warnings(question: &Question, known: Option<&Entry>) -> Vec<String> {
    let mut warnings = Vec::new();
    let to = &question.to;
    match known {
        None if question.needs.is_none() => warnings.push(format!(
            "Moodle {} is not in the catalogue of {AS_OF}: what it needs is not known here. Give the source tree or a \
             container with it, and its own list is read.",
            to.branch
        )),
        None => warnings.push(format!(
            "Moodle {} is not in the catalogue of {AS_OF}: how long it is supported is not known here.",
            to.branch
        )),
        Some(known) => {
            warnings.extend(newer_php(question, known));
            warnings.extend(support(question, known));
        }
    }
    if to.is_unstable {
        warnings.push(format!(
            "Moodle {to} is not a stable release: Moodle's upgrade refuses it unless it is told not to."
        ));
    }
    warnings.extend(question.from.as_ref().and_then(|from| built_before(from, to)));
    warnings
}

fn newer_php(question: &Question, known: &Entry) -> Option<String> {
    let php = question.php.as_ref()?;
    // 8.4.12 is an 8.4.
    let newest = Version::parse(&format!("{}.4294967295", known.php_newest))?;
    (*php > newest).then(|| {
        format!("PHP {php} is newer than what Moodle {} was made for ({}).", known.branch, known.php_newest)
    })
}

fn support(question: &Question, known: &Entry) -> Option<String> {
    let today = question.today?;
    let end: Date = known.security_end.parse().ok()?;
    let days = (end - today).get_days();
    let name = |e: &Entry| format!("{}{}", e.branch, if e.is_long_term { " LTS" } else { "" });
    let later = later(today, known).map(|e| format!(" {} has it until {}.", name(e), e.security_end));
    let later = later.unwrap_or_default();
    let (branch, end) = (known.branch, known.security_end);
    match days.cmp(&0) {
        Ordering::Less => Some(format!(
            "Security support of Moodle {branch} ended on {end}: holes that are found stay open.{later}"
        )),
        _ if days <= SOON => {
            Some(format!("Security support of Moodle {branch} ends on {end}, in {days} days.{later}"))
        }
        _ => None,
    }
}

/// The newest branch that is out and looked after for longer.
fn later(today: Date, than: &Entry) -> Option<&'static Entry> {
    let out = |e: &&Entry| e.released.parse::<Date>().is_ok_and(|day| day <= today);
    ENTRIES.iter().rev().filter(out).find(|e| e.branch > than.branch && e.security_end > than.security_end)
}

/// A fix goes to all branches on the same day: a newer branch's older build lacks what an older
/// branch's newer build has.
fn built_before(from: &Release, to: &Release) -> Option<String> {
    let (have, new) = (from.build?, to.build?);
    (from.branch < to.branch && new < have).then(|| {
        format!(
            "Moodle {to} was put together on {}, before the {from} that is installed (on {}): it lacks later fixes \
             that {from} has. Take a newer {}.",
            day(new),
            day(have),
            to.branch
        )
    })
}

fn day(build: u32) -> String {
    format!("{}-{:02}-{:02}", build / 10_000, build / 100 % 100, build % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::release::Branch;

    fn question(from: &str, to: &str) -> Question {
        let release = |text: &str| Release::parse(text).unwrap_or_else(|| panic!("{text}"));
        let from = (!from.is_empty()).then(|| release(from));
        Question { from, to: release(to), php: None, mariadb: None, postgres: None, today: None, needs: None }
    }

    fn version(text: &str) -> Option<Version> {
        Version::parse(text)
    }

    fn date(text: &str) -> Option<Date> {
        Some(text.parse().expect("a date"))
    }

    fn problems(question: &Question) -> Vec<String> {
        advise(question).expect_err("impossible")
    }

    fn warnings(question: &Question) -> Vec<String> {
        advise(question).unwrap_or_else(|p| panic!("{p:?}")).warnings
    }

    #[test]
    fn a_good_upgrade_is_described() {
        let asked = Question {
            php: version("8.2.36"),
            mariadb: version("10.11.19-MariaDB"),
            postgres: version("15.8"),
            today: date("2026-02-01"),
            ..question("4.5.5+ (Build: 20250613)", "5.1.2 (Build: 20260115)")
        };
        let advice = advise(&asked).expect("possible");
        assert_eq!(advice.hops, ["5.1.2"]);
        assert_eq!((advice.security_end, advice.docroot), (Some("2027-04-19"), Some("public")));
        assert_eq!(advice.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_first_installation_comes_from_nowhere() {
        assert_eq!(advise(&question("", "5.0.6")).expect("possible").hops, ["5.0.6"]);
    }

    #[test]
    fn php_has_bounds_on_both_sides() {
        let with = |to, php| Question { php: version(php), ..question("", to) };
        assert!(
            problems(&with("5.0", "8.1.2"))[0]
                .starts_with("PHP 8.1.2 is too old for Moodle 5.0, which needs 8.2")
        );
        let new = "PHP 8.4 is too new for Moodle 4.5, which refuses 8.4 and later: use an image with PHP 8.1 to 8.3";
        assert_eq!(problems(&with("4.5", "8.4.0")), [new]);
        assert!(warnings(&with("5.0", "8.4.12")).is_empty());
        assert_eq!(
            warnings(&with("5.0", "8.5.1")),
            ["PHP 8.5.1 is newer than what Moodle 5.0 was made for (8.4)."]
        );
    }

    #[test]
    fn databases_have_a_least_version() {
        let asked =
            Question { mariadb: version("10.6.12"), postgres: version("13.2"), ..question("4.5", "5.0") };
        let said = problems(&asked);
        assert_eq!(said.len(), 2);
        assert!(
            said[0].starts_with("MariaDB 10.6.12 is too old for Moodle 5.0, which needs 10.11:"),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("PostgreSQL 13.2 is too old for Moodle 5.0, which needs 14:"),
            "{said:?}"
        );
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let asked = Question { php: version("8.0"), mariadb: version("10.4"), ..question("4.1", "5.1") };
        let said = problems(&asked);
        assert_eq!(said.len(), 3);
        assert_eq!(said[0], "4.1 -> 5.1 needs 4.2.3 to 4.5 in between: 4.1 -> 4.5 -> 5.1");
    }

    #[test]
    fn the_end_of_support_is_told_before_and_after() {
        let on = |today| Question { today: date(today), ..question("4.5", "5.0.6") };
        assert!(warnings(&on("2026-07-06")).is_empty());
        let soon =
            "Security support of Moodle 5.0 ends on 2026-10-05, in 65 days. 5.2 has it until 2027-10-04.";
        assert_eq!(warnings(&on("2026-08-01")), [soon]);
        assert!(warnings(&on("2026-10-05"))[0].contains("in 0 days"));
        let over = &warnings(&on("2026-10-06"))[0];
        assert!(over.starts_with("Security support of Moodle 5.0 ended on 2026-10-05"), "{over}");
        assert!(over.ends_with("5.3 LTS has it until 2029-10-01."), "{over}");
    }

    #[test]
    fn what_is_newer_than_the_catalogue_is_not_refused() {
        let asked = Question { php: version("7.0"), ..question("5.2", "6.0") };
        let said = warnings(&asked);
        assert!(
            said[0].starts_with("Moodle 6.0 is not in the catalogue of 2026-08: what it needs"),
            "{said:?}"
        );
    }

    #[test]
    fn the_codes_own_list_wins() {
        let needs = Requirements {
            branch: Branch(6, 0),
            from: Release::parse("5.2"),
            php: version("8.4"),
            php_refused: None,
            mariadb: None,
            mysql: None,
            postgres: None,
        };
        let asked =
            Question { php: version("8.3"), needs: Some(needs.clone()), ..question("5.0.6", "6.0.1") };
        let said = problems(&asked);
        assert_eq!(said[0], "5.0.6 -> 6.0.1 needs 5.2 to 5.3 in between: 5.0.6 -> 5.3 -> 6.0.1");
        assert!(said[1].starts_with("PHP 8.3 is too old for Moodle 6.0.1, which needs 8.4"), "{said:?}");
        let asked = Question { php: version("8.4"), needs: Some(needs), ..question("5.2.1", "6.0.1") };
        assert!(warnings(&asked)[0].contains("how long it is supported"));
    }

    #[test]
    fn unstable_and_older_builds_are_worth_a_word() {
        let said = warnings(&question("5.0.6+ (Build: 20260403)", "5.1.2 (Build: 20260115)"));
        assert!(said[0].contains("put together on 2026-01-15, before the 5.0.6"), "{said:?}");
        assert!(warnings(&question("5.0", "5.1rc1 (Build: 20250926)"))[0].contains("not a stable release"));
    }
}
