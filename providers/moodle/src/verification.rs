use std::collections::BTreeMap;

use mprov_sdk::{Call, Event, Events, ExecOutput, Fault};
use serde::Deserialize;
use serde_json::json;

use crate::health::{Health, Installation, health};
use crate::web::Web;
use crate::{checks, login_page, upgrade};

/// Looks at database and files without starting Moodle.
const SCRIPT: &str = include_str!("verification.php");
const CHECKS: &str = "/var/www/html/admin/cli/checks.php";
const PLUGINS: &str = "/var/www/html/admin/cli/uninstall_plugins.php";

/// What is looked at, beside what always is.
pub struct Verifying<'a> {
    /// The release that has to be served.
    pub release: Option<&'a str>,
    /// How many of the files that the database names: "full", "sample" or "none".
    pub files: &'a str,
    /// Size of the sample, and how many files are read.
    pub sample: i64,
    /// Counts that must not have gone down, by name.
    pub counts: BTreeMap<String, i64>,
    /// Run in the container as the web user.
    pub commands: Vec<Vec<String>>,
}

/// What a look at database and files found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Findings {
    /// Numbers of users, courses, modules and files.
    pub found: BTreeMap<String, i64>,
    /// How many files were looked at.
    pub checked: i64,
    /// Why nothing can be written, where nothing can.
    probe: Option<String>,
    faults: BTreeMap<String, Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Group {
    count: u64,
    examples: Vec<String>,
}

/// Looks at everything and then says all that is wrong at once. It changes nothing that stays.
pub async fn verify(web: &Web, call: &Call, with: &Verifying<'_>) -> Result<Findings, Fault> {
    let health = health(web, call).await?;
    let mut problems = served(&health, with.release);
    if health.state != Some(Installation::Installed) {
        // Without a database there is nothing else to look at.
        return Err(failed(web, &problems));
    }
    if problems.is_empty() {
        problems.extend(pending(web, call, &health).await?);
        problems.extend(heard(call, login_of(web, call, &health).await)?);
    }
    problems.extend(environment(web, call).await?);
    problems.extend(missing_plugins(web, call).await?);
    call.events.progress("Looking at database and files");
    let argument = json!({ "files": with.files, "sample": with.sample });
    let output = web.follow_script(call, SCRIPT, &argument, &Pages(&*call.events)).await?;
    let findings = findings(&output);
    match &findings {
        Some(findings) => problems.extend(findings.problems(&with.counts)),
        None => problems.push(format!("Database and files could not be looked at:\n{}", output.tail(10))),
    }
    for command in &with.commands {
        problems.extend(command_problem(web, call, command).await?);
    }
    match findings {
        Some(findings) if problems.is_empty() => Ok(findings),
        _ => Err(failed(web, &problems)),
    }
}

/// How many of what there are, by name.
pub async fn counts(web: &Web, call: &Call) -> Result<BTreeMap<String, i64>, Fault> {
    call.events.progress("Counting what there is");
    let output = web.script(call, SCRIPT, &json!({ "files": "none", "sample": 1 })).await?;
    let findings = findings(&output).ok_or_else(|| {
        Fault::new(format!("what the site in container {} holds cannot be counted", web.container))
            .detail(output.tail(10))
    })?;
    Ok(findings.found)
}

/// What the health command says against it. Maintenance is not its business.
fn served(health: &Health, release: Option<&str>) -> Vec<String> {
    let text = |release: &Option<String>| release.clone().unwrap_or_else(|| "unknown".into());
    let (code, data) = (text(&health.release), text(&health.db_release));
    let why = |reason: &String| match reason.as_str() {
        "upgrade_pending" => {
            format!(
                "The database is of {data}, the code of {code}: an upgrade is pending. Run it (moodle_site, \"upgrade\")."
            )
        }
        "downgrade" => {
            format!(
                "The database is of {data}, the code of {code}, which is older. Use an image with the database's release."
            )
        }
        "upgrade_running" => {
            "An upgrade is running, or was interrupted. Wait for it, or throw the copy away.".into()
        }
        "dataroot" => {
            "The data folder is missing or not writable. See what is mounted on /var/moodledata.".into()
        }
        "db" => "The database does not answer. See the log of its container.".into(),
        "not_installed" | "install_unfinished" => {
            "The database holds no finished site. See what its volume was made from.".into()
        }
        reason => format!("The site is not healthy: {reason}."),
    };
    let mut problems: Vec<String> = health.why.iter().filter(|w| *w != "maintenance").map(why).collect();
    if let Some(release) = release
        && release != code
    {
        problems.push(format!(
            "The code is of {code}, and {release} was declared. See which image the container runs."
        ));
    }
    if problems.is_empty() && health.release != health.db_release {
        problems.push(format!(
            "The database says that it is of {data}, the code that it is of {code}. Run the upgrade."
        ));
    }
    problems
}

/// An upgrade that only Moodle knows of: that of a plugin.
async fn pending(web: &Web, call: &Call, health: &Health) -> Result<Option<String>, Fault> {
    heard(
        call,
        upgrade::is_pending(web, call, health).await.and_then(|pending| match pending {
            false => Ok(()),
            true => Err(upgrade::needed(web, health)),
        }),
    )
}

/// In maintenance there is no login page, on purpose.
async fn login_of(web: &Web, call: &Call, health: &Health) -> Result<(), Fault> {
    if health.maintenance { Ok(()) } else { login_page::check(web, call).await }
}

/// A fault is one problem among others, but for that of a user who does not want to wait.
fn heard<T>(call: &Call, result: Result<T, Fault>) -> Result<Option<String>, Fault> {
    match result {
        Ok(_) => Ok(None),
        Err(fault) if call.cancel.is_cancelled() => Err(fault),
        Err(fault) => Ok(Some(fault.to_string())),
    }
}

/// Only this check of Moodle's: others fail on every copy, because cron has not run in it yet.
async fn environment(web: &Web, call: &Call) -> Result<Option<String>, Fault> {
    if !web.has(call, CHECKS).await? {
        return Ok(None);
    }
    let result = match checks::run(web, call, "status", Some("environment")).await {
        Ok(result) => result,
        Err(fault) => return heard(call, Err::<(), _>(fault)),
    };
    // Its words are in the site's language; its exit status is not.
    if result.status != "critical" {
        return Ok(None);
    }
    let said: Vec<&str> = result.checks.iter().map(|c| c.summary.trim_end_matches('.')).collect();
    Ok(Some(format!(
        "Moodle's check of its environment fails: {}. See `docker exec -u www-data {} php {CHECKS} \
         --filter=environment --verbose`.",
        said.join("; "),
        web.container
    )))
}

async fn missing_plugins(web: &Web, call: &Call) -> Result<Option<String>, Fault> {
    if !web.has(call, PLUGINS).await? {
        return Ok(None);
    }
    let output = web.run(call, &["php", PLUGINS, "--show-missing"], None).await?;
    if !output.success() {
        return Ok(Some(format!("Moodle could not tell which plugins are missing:\n{}", output.tail(5))));
    }
    let text = output.stdout_text();
    let missing: Vec<&str> = text.lines().filter_map(|l| Some(l.split_once('\t')?.0)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!(
        "The database has plugins that the code lacks: {}. Add them to the source tree of the image, or uninstall \
         them in the site that is live, before the next clone.",
        missing.join(", ")
    )))
}

async fn command_problem(web: &Web, call: &Call, command: &[String]) -> Result<Option<String>, Fault> {
    let line = command.join(" ");
    call.events.progress(&format!("Running {line}"));
    let output = match web.follow(call, command.to_vec(), Vec::new(), &*call.events).await {
        Ok(output) => output,
        Err(fault) => return heard(call, Err::<(), _>(fault)),
    };
    Ok((!output.success()).then(|| {
        format!("`{line}` ended with status {}. Its last lines:\n{}", output.status, output.tail(10))
    }))
}

fn findings(output: &ExecOutput) -> Option<Findings> {
    let text = output.stdout_text();
    let line = text.lines().rev().find(|l| l.starts_with('{'))?;
    serde_json::from_str(line).ok()
}

impl Findings {
    fn problems(&self, least: &BTreeMap<String, i64>) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        if let Some(why) = &self.probe {
            problems.push(format!(
                "Nothing can be written: {why}. See the rights of the database's user and what is mounted on \
                 /var/moodledata."
            ));
        }
        for (name, least) in least {
            let found = self.found.get(name).copied().unwrap_or(0);
            if found < *least {
                problems.push(format!(
                    "There are {found} {name}, and at least {least} were expected. Find out what deleted them before \
                     this generation is used."
                ));
            }
        }
        for (kind, group) in self.faults.iter().filter(|(_, group)| group.count > 0) {
            problems.push(self.lost(kind, group));
        }
        problems
    }

    fn lost(&self, kind: &str, group: &Group) -> String {
        let what = match kind {
            "missing" => "that the database names and the volume does not have",
            "size" => "of another size than the database says",
            _ => "of another content than their name says",
        };
        let more = if group.count > group.examples.len() as u64 { " …" } else { "" };
        format!(
            "Files {what}: {} of {} that were looked at ({}{more}). The copy is not whole: make it again, or bring \
             them into filedir/ from a backup.",
            group.count,
            self.checked,
            group.examples.join(", ")
        )
    }
}

fn failed(web: &Web, problems: &[String]) -> Fault {
    let summary = match problems.len() {
        1 => format!("the site in container {} is not fit for use", web.container),
        many => format!("the site in container {} is not fit for use, for {many} reasons", web.container),
    };
    let list: Vec<String> = problems.iter().map(|p| format!("- {p}")).collect();
    Fault::new(summary).detail(list.join("\n"))
}

/// Turns the script's lines into progress.
struct Pages<'a>(&'a dyn Events);

impl Events for Pages<'_> {
    fn emit(&self, event: Event) {
        let Event::Log(line) = event else { return self.0.emit(event) };
        let page = line.strip_prefix("mprov-files: ").and_then(|rest| {
            let (done, total) = rest.trim().split_once(' ')?;
            Some((done.parse().ok()?, total.parse().ok()?))
        });
        match page {
            Some((done, total)) => self.0.progress_of("Looking at files", done, total),
            // Its answer.
            None if line.starts_with('{') => {}
            None => self.0.log(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health {
            ok: true,
            release: Some("5.0.6".into()),
            db_release: Some("5.0.6".into()),
            state: Some(Installation::Installed),
            ..Health::default()
        }
    }

    #[test]
    fn the_declared_release_is_served() {
        assert!(served(&health(), None).is_empty());
        assert!(served(&health(), Some("5.0.6")).is_empty());
        assert!(served(&health(), Some("5.0.7"))[0].contains("5.0.7 was declared"));
        let half = Health { db_release: Some("5.0.5".into()), ..health() };
        assert_eq!(served(&half, None).len(), 1);
        let maintained = Health { why: vec!["maintenance".into()], maintenance: true, ..health() };
        assert!(served(&maintained, None).is_empty());
        let bad = Health { why: vec!["upgrade_pending".into(), "dataroot".into()], ..health() };
        assert_eq!(served(&bad, Some("5.0.7")).len(), 3);
    }

    #[test]
    fn every_finding_is_a_problem_with_advice() {
        let line = r#"{"found":{"users":2,"courses":1,"modules":0,"files":3},"checked":200,"probe":"no","faults":{"missing":{"count":7,"examples":["a","b"]},"size":{"count":0,"examples":[]},"content":{"count":1,"examples":["c"]}}}"#;
        let output =
            ExecOutput { status: 0, stdout: format!("mprov-files: 1 2\n{line}\n").into(), stderr: vec![] };
        let findings = findings(&output).expect("findings");
        let least = BTreeMap::from([("users".to_owned(), 3), ("courses".to_owned(), 1)]);
        let problems = findings.problems(&least);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[1].starts_with("There are 2 users, and at least 3 were expected"));
        assert!(problems[3].contains("does not have: 7 of 200 that were looked at (a, b …)"), "{problems:?}");
    }
}
