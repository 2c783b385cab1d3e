use std::collections::BTreeMap;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type, Value};

use crate::session::Sites;
use crate::validation::{container, refuse, require};
use crate::verification::{Findings, Verifying, verify};

pub const KIND: &str = "moodle_verification";

const COUNTS: [&str; 4] = ["users", "courses", "modules", "files"];
const DEFAULT_SAMPLE: i64 = 200;

pub fn schema() -> Schema {
    let what = ["files", "sample", "counts", "commands"];
    Schema::new(
        KIND,
        "The proof that a site is fit for use: the declared release is served and nothing waits for an upgrade, \
         Moodle's environment is as it wants it, a row and a file can be written, what the database names is on the \
         volume, no plugin's code is missing, and your own commands succeed. It leaves nothing behind; it is looked \
         again when it is replaced.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code.").replaces(),
            ),
            (
                "release",
                Attribute::optional(
                    Type::String,
                    "The release that has to be served, as version.php has it: \"5.0.6+ (Build: 20260403)\".",
                )
                .replaces(),
            ),
            (
                "files",
                Attribute::optional(
                    Type::String,
                    "How many of the files that the database names are looked for: \"full\", \"sample\" or \"none\".",
                )
                .default("sample"),
            ),
            (
                "sample",
                Attribute::optional(
                    Type::Number,
                    "How many files a sample has. As many are read and compared with their hash, also of \"full\".",
                )
                .default(DEFAULT_SAMPLE),
            ),
            (
                "counts",
                Attribute::optional(
                    Type::map(Type::Number),
                    "Numbers that there have to be at least: \"users\", \"courses\", \"modules\" (activities and \
                     resources of courses), \"files\". An upgrade may take some away: 5.0 removes chats and surveys \
                     whose plugins are not in the image.",
                ),
            ),
            (
                "commands",
                Attribute::optional(
                    Type::list(Type::list(Type::String)),
                    "Commands to run in the container as the web user, each a list of words; they have to end with \
                     status 0. They are shown when they fail: no secret belongs into them.",
                ),
            ),
            (
                "triggers",
                Attribute::optional(Type::map(Type::String), "Values whose change makes it look again.").replaces(),
            ),
            (
                "found",
                Attribute::computed(Type::map(Type::Number), "The numbers that \"counts\" compares, as they are.")
                    .recomputed_by(what),
            ),
            (
                "checked_files",
                Attribute::computed(Type::Number, "How many files were looked for.").recomputed_by(what),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    let extents = |v: &str| ["full", "sample", "none"].contains(&v);
    let detail = "Write \"full\", \"sample\" or \"none\".";
    require(&mut found, config, "files", extents, "not an extent", detail);
    if config["sample"].as_number().is_some_and(|n| n.as_i64().is_none_or(|n| !(1..=1_000_000).contains(&n)))
    {
        found.push(refuse("sample", "not a size of a sample", "A sample has 1 to 1000000 files."));
    }
    for (name, count) in config["counts"].as_object().into_iter().flatten() {
        if !COUNTS.contains(&&**name) {
            let detail = format!("There are {}.", COUNTS.join(", "));
            found.push(refuse("counts", format!("\"{name}\" is not counted"), detail));
        }
        if count.as_number().is_some_and(|n| n.as_i64().is_none_or(|n| n < 0)) {
            found.push(refuse(
                "counts",
                format!("\"{name}\" is not a number of things"),
                "Counts are whole.",
            ));
        }
    }
    let commands = config["commands"].as_elements().unwrap_or_default();
    if commands.iter().any(|c| c.as_elements().is_some_and(<[Value]>::is_empty)) {
        found.push(refuse("commands", "an empty command", "A command has at least the program's name."));
    }
    found
}

pub struct VerificationResource(pub Sites);

#[async_trait]
impl Resource for VerificationResource {
    /// It says what was looked at, and when; not what is.
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        Ok(Some(stored.clone()))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let findings = verify(&web, call, &verifying(planned)?).await?;
        Ok(described(planned, &findings))
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        self.create(call, planned).await
    }

    async fn delete(&self, _call: &Call, _prior: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// None: whoever died while looking has not seen everything.
    async fn find(&self, _call: &Call, _planned: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

fn verifying(planned: &Object) -> Result<Verifying<'_>, Fault> {
    let counts = planned.object("counts")?.into_iter().flatten();
    let counts: BTreeMap<String, i64> =
        counts.filter_map(|(name, count)| Some((name.to_string(), count.as_i64()?))).collect();
    let words = |command: &Value| -> Vec<String> {
        command
            .as_elements()
            .unwrap_or_default()
            .iter()
            .filter_map(|w| w.as_str().map(str::to_owned))
            .collect()
    };
    Ok(Verifying {
        release: planned.opt_str("release")?,
        files: planned.opt_str("files")?.unwrap_or("sample"),
        sample: planned.opt_i64("sample")?.unwrap_or(DEFAULT_SAMPLE),
        counts,
        commands: planned.elements("commands")?.iter().map(words).collect(),
    })
}

fn described(planned: &Object, findings: &Findings) -> Object {
    let found = findings.found.iter().map(|(name, count)| (name.as_str(), Value::from(*count)));
    planned.clone().with("found", Value::map(found)).with("checked_files", findings.checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let config = Object::new()
            .with("container", "web")
            .with("files", "all")
            .with("sample", 0)
            .with("counts", Value::map([("pages", Value::from(1)), ("users", Value::from(-1))]))
            .with("commands", Value::list([Value::list([])]));
        let found = validate(&config);
        assert_eq!(found.len(), 5, "{found:?}");
        let config = Object::new()
            .with("container", "web")
            .with("files", "full")
            .with("sample", 10)
            .with("counts", Value::map([("users", Value::from(1))]))
            .with("commands", Value::list([Value::list(["true".into()])]));
        assert!(validate(&config).is_empty());
    }
}
