use async_trait::async_trait;
use jiff::civil::Date;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostics, Fault, Object, Schema, Type, Value};

use super::code::{code, either};
use crate::catalogue::advice::{Question, advise};
use crate::catalogue::code::Code;
use crate::catalogue::release::Release;
use crate::catalogue::requirements::Version;
use crate::session::Sites;
use crate::validation::require;

pub const KIND: &str = "moodle_upgrade_path";

pub fn schema() -> Schema {
    let given = |description| Attribute::optional(Type::String, description);
    Schema::new(
        KIND,
        "Whether an upgrade is possible, before anything is made: the releases in between, PHP and database, and how \
         long the release is supported. Reading it fails where it is not, with what to do.",
        [
            (
                "from",
                given(
                    "The release that is installed, as Moodle says it: \"4.5.5+ (Build: 20250613)\" or \"4.1.2\". A \
                     branch alone (\"4.1\") means its newest release. Null: a first installation.",
                ),
            ),
            ("to", Attribute::required(Type::String, "The release that is wanted, written in the same way.")),
            ("php", given("The version of PHP that will run it.")),
            ("mariadb", given("The version of MariaDB that will hold it.")),
            ("postgres", given("The version of PostgreSQL that will hold it.")),
            (
                "today",
                given(
                    "The day that support is compared with: \"2026-08-31\", or a time as plantimestamp() gives it. \
                     Without it nothing is said of support.",
                ),
            ),
            (
                "path",
                given(
                    "The source tree of the release that is wanted. What its own admin/environment.xml says wins over \
                     the catalogue.",
                ),
            ),
            ("container", given("The same by the name of a container that runs it.")),
            (
                "hops",
                Attribute::computed(
                    Type::list(Type::String),
                    "The releases to be at, one after the other; empty where it is installed already.",
                ),
            ),
            (
                "general_end",
                Attribute::computed(
                    Type::String,
                    "The last day on which ordinary bugs are mended; null where it is not known.",
                ),
            ),
            (
                "security_end",
                Attribute::computed(
                    Type::String,
                    "The last day of security support; null where it is not known.",
                ),
            ),
            (
                "docroot",
                Attribute::computed(
                    Type::String,
                    "The folder of the tree that is served: \"\" or \"public\"; null where it is not known.",
                ),
            ),
            ("warnings", Attribute::computed(Type::list(Type::String), "What to think about, in sentences.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = either(config, false);
    let detail = "Write it as Moodle's version.php does: \"5.0.6+ (Build: 20260403)\", \"5.0.6\" or \"5.0\".";
    for name in ["from", "to"] {
        require(&mut found, config, name, |v| Release::parse(v).is_some(), "not a release of Moodle", detail);
    }
    let detail = "Write numbers with points: 8.2.36, 10.11, 15.";
    for name in ["php", "mariadb", "postgres"] {
        require(&mut found, config, name, |v| Version::parse(v).is_some(), "not a version", detail);
    }
    let detail = "Write it as 2026-08-31.";
    require(&mut found, config, "today", |v| date(v).is_some(), "not a day", detail);
    found
}

/// The day of a date or of a time.
fn date(text: &str) -> Option<Date> {
    let (day, rest) = text.split_at_checked(10)?;
    (rest.is_empty() || rest.starts_with('T')).then(|| day.parse().ok()).flatten()
}

pub struct UpgradePathData(pub Sites);

#[async_trait]
impl DataSource for UpgradePathData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let code = code(&self.0, call, config).await?;
        let question = question(config, code.as_ref())?;
        let advice = advise(&question).map_err(|problems| impossible(&question, &problems))?;
        let list = |lines: Vec<String>| Value::list(lines.into_iter().map(Value::from));
        let docroot = code.map(|c| c.docroot).or(advice.docroot);
        Ok(config
            .clone()
            .with("hops", list(advice.hops))
            .with("general_end", advice.general_end)
            .with("security_end", advice.security_end)
            .with("docroot", docroot)
            .with("warnings", list(advice.warnings)))
    }
}

fn question(config: &Object, code: Option<&Code>) -> Result<Question, Fault> {
    let unreadable =
        |name: &str| Fault::new(format!("\"{name}\" cannot be read")).detail("See what it is made of.");
    let version = |name: &str| -> Result<Option<Version>, Fault> {
        let Some(text) = config.opt_str(name)? else { return Ok(None) };
        Version::parse(text).map(Some).ok_or_else(|| unreadable(name))
    };
    let to = Release::parse(config.str("to")?).ok_or_else(|| unreadable("to"))?;
    if let Some(code) = code
        && Release::parse(&code.file.release).is_none_or(|there| there.branch != to.branch)
    {
        return Err(Fault::new(format!(
            "the code is of {}, and an upgrade to {to} was asked for",
            code.file.release
        ))
        .detail("Give the tree or container of the release in \"to\", or its release in \"to\"."));
    }
    let from = match config.opt_str("from")? {
        Some(text) => Some(Release::parse(text).ok_or_else(|| unreadable("from"))?),
        None => None,
    };
    let today = match config.opt_str("today")? {
        Some(text) => Some(date(text).ok_or_else(|| unreadable("today"))?),
        None => None,
    };
    Ok(Question {
        from,
        to,
        php: version("php")?,
        mariadb: version("mariadb")?,
        postgres: version("postgres")?,
        today,
        needs: code.and_then(|c| c.needs.clone()),
    })
}

fn impossible(question: &Question, problems: &[String]) -> Fault {
    let what = match &question.from {
        Some(from) => format!("Moodle {from} cannot be upgraded to {}", question.to),
        None => format!("Moodle {} cannot be installed", question.to),
    };
    let list: Vec<String> = problems.iter().map(|p| format!("- {p}.")).collect();
    Fault::new(what).detail(list.join("\n"))
}

#[cfg(test)]
mod tests;
