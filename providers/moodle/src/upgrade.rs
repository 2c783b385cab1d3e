use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mprov_sdk::{Call, Event, Events, ExecOutput, Fault, Progress};
use tokio::time::Instant;

use crate::durability::Database;
use crate::health::Health;
use crate::ready::pause;
use crate::redaction::redact;
use crate::web::Web;

const UPGRADE: &str = "/usr/share/mprov/upgrade.php";
/// Steps (`-->component` lines) of an upgrade to another branch: every component gets a new
/// version then. Measured from 4.5 to 5.0.
const STEPS: u64 = 455;
/// Between two questions whether another upgrade has ended.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To the end, just now. Moodle has purged its caches and built the theme.
    Upgraded,
    /// The same without maintenance mode: Moodle has left its caches as they were.
    UpgradedStale,
    /// Code and database were of one version.
    UpToDate,
    /// Only asked, and there is something to do.
    Pending,
    NoSite,
    /// Another one is under way.
    Running,
    /// Another one began and did not end.
    Interrupted,
    Downgrade,
    Failed,
}

impl Outcome {
    /// By the exit codes of the image's `upgrade.php`.
    pub fn of(output: &ExecOutput) -> Self {
        let said = |line: &str| output.stdout_text().lines().any(|l| l.trim() == line);
        match output.status {
            0 if said("Nothing to upgrade.") => Self::UpToDate,
            0 if said("Caches are stale.") => Self::UpgradedStale,
            0 => Self::Upgraded,
            2 => Self::Pending,
            3 => Self::NoSite,
            4 => Self::Running,
            5 => Self::Interrupted,
            6 => Self::Downgrade,
            _ => Self::Failed,
        }
    }
}

/// An upgrade that may be needed.
pub struct Upgrading<'a> {
    /// Before it.
    pub health: &'a Health,
    /// Does not wait for the disk meanwhile.
    pub database: Option<&'a Database>,
    /// How long one that an earlier run began is waited for.
    pub limit: Duration,
    /// Never shown.
    pub secret: &'a str,
}

/// Whether Moodle wants an upgrade: for its own version, or for that of a plugin, which only Moodle
/// can tell.
pub async fn is_pending(web: &Web, call: &Call, health: &Health) -> Result<bool, Fault> {
    if health.upgrade_pending {
        return Ok(true);
    }
    let output = web.run(call, &["php", UPGRADE, "--check"], None).await?;
    match Outcome::of(&output) {
        Outcome::UpToDate => Ok(false),
        // What is under way has to be waited for, like one of our own.
        Outcome::Pending | Outcome::Running => Ok(true),
        outcome => Err(fault(web, health, outcome, &output, "")),
    }
}

/// What an upgrade has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Nothing,
    Upgraded,
    /// Moodle's caches may be those of the old code.
    UpgradedStale,
}

/// Brings the database to the version of the code. Where an earlier run began it and its process
/// still works, that one is waited for.
pub async fn upgrade(web: &Web, call: &Call, with: &Upgrading<'_>) -> Result<Done, Fault> {
    if !is_pending(web, call, with.health).await? {
        // An earlier run may have died between the upgrade's end and this.
        return restored(call, with.database, Ok(Done::Nothing)).await;
    }
    let relaxed = match with.database {
        Some(database) => database.relax(call).await,
        None => Ok(()),
    };
    let ended = match relaxed {
        Ok(()) => to_the_end(web, call, with).await,
        Err(fault) => Err(fault),
    };
    restored(call, with.database, ended).await
}

/// The result, unless the database cannot be made durable again.
async fn restored(
    call: &Call,
    database: Option<&Database>,
    ended: Result<Done, Fault>,
) -> Result<Done, Fault> {
    let Some(database) = database else { return ended };
    match (ended, database.restore(call).await) {
        (ended, Ok(())) => ended,
        (Ok(_), Err(fault)) => Err(fault),
        (Err(fault), Err(also)) => {
            let detail = format!("{}\nBesides: {also}", fault.detail);
            Err(fault.detail(detail))
        }
    }
}

async fn to_the_end(web: &Web, call: &Call, with: &Upgrading<'_>) -> Result<Done, Fault> {
    let began = Instant::now();
    loop {
        let steps = Steps::of(call, with);
        let output = web.follow(call, vec!["php".into(), UPGRADE.into()], Vec::new(), &steps).await?;
        match Outcome::of(&output) {
            Outcome::Upgraded => return Ok(Done::Upgraded),
            // One that was waited for has not said how it ended.
            Outcome::UpgradedStale | Outcome::UpToDate => return Ok(Done::UpgradedStale),
            Outcome::Running if began.elapsed() < with.limit => {
                call.events.progress("Waiting for an upgrade that is under way");
                pause(call, AGAIN).await?;
            }
            outcome => return Err(fault(web, with.health, outcome, &output, with.secret)),
        }
    }
}

/// Turns the upgrade's lines into progress.
struct Steps<'a> {
    events: &'a dyn Events,
    done: AtomicU64,
    /// Not known for a smaller upgrade: only components with a new version are steps.
    total: Option<u64>,
    secret: &'a str,
}

impl<'a> Steps<'a> {
    fn of(call: &'a Call, with: &Upgrading<'a>) -> Self {
        let branch = |release: &Option<String>| {
            let release = release.as_deref().unwrap_or_default();
            // "5.0 (Build: 20250414)" is of the branch of "5.0.6+".
            release.split(|c: char| !c.is_ascii_digit()).take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let leaps = branch(&with.health.release) != branch(&with.health.db_release);
        Self {
            events: &*call.events,
            done: AtomicU64::new(0),
            total: leaps.then_some(STEPS),
            secret: with.secret,
        }
    }
}

impl Events for Steps<'_> {
    fn emit(&self, event: Event) {
        let Event::Log(line) = event else { return self.events.emit(event) };
        let line = line.trim();
        if let Some(component) = line.strip_prefix("-->") {
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            let message = format!("Upgrading {}", component.trim());
            let total = self.total.map(|total| total.max(done));
            self.events.emit(Event::Progress(Progress { message, done: Some(done), total }));
        } else if let Some(heading) = line.strip_prefix("== ").and_then(|l| l.strip_suffix(" ==")) {
            self.events.progress(heading);
        } else if !line.is_empty() && !line.starts_with("++") && !line.starts_with("upgrade: another ") {
            self.events.log(&redact(line, [self.secret]));
        }
    }
}

fn fault(web: &Web, health: &Health, outcome: Outcome, output: &ExecOutput, secret: &str) -> Fault {
    let container = &web.container;
    match outcome {
        Outcome::NoSite => no_site(web),
        Outcome::Downgrade => downgrade(web, health),
        Outcome::Running => Fault::new(format!("an upgrade in container {container} has not ended")).detail(
            format!(
                "It was begun by an earlier run. Look with `docker top {container}` whether upgrade.php still works, \
                 then apply again; wait_timeout says how long to wait."
            ),
        ),
        Outcome::Interrupted => Fault::new(format!(
            "an upgrade of the data of container {container} began and did not end"
        ))
        .detail(
            "What it left is not gone over again. Data that are a clone: throw the copy away and make it again. \
             Data that are not: restore a backup from before, or see Moodle's own upgrade.php.",
        ),
        _ => Fault::new(format!("Moodle could not be upgraded in container {container}")).detail(format!(
            "upgrade.php ended with status {}. A clone that was half upgraded is of no use: throw it away and make it \
             again. Its last lines:\n{}",
            output.status,
            redact(&output.tail(20), [secret])
        )),
    }
}

pub fn no_site(web: &Web) -> Fault {
    Fault::new(format!("the clone behind container {} holds no site", web.container)).detail(
        "With \"upgrade\" there has to be a finished site in the database; nothing is installed in its place. See \
         what the volume was cloned from, and that the database's container has it mounted.",
    )
}

pub fn downgrade(web: &Web, health: &Health) -> Fault {
    let (code, data) = releases(health);
    Fault::new(format!("the code in container {} is older than its database", web.container)).detail(format!(
        "The database was written by {data}, the image holds {code}. Moodle cannot go back: use an image with that \
         release or a later one, or go back to the data from before the upgrade."
    ))
}

pub fn needed(web: &Web, health: &Health) -> Fault {
    let (code, data) = releases(health);
    let why = match code == data {
        true => format!("It was written by {data}, and the image holds other versions of plugins."),
        false => format!("It was written by {data}, the image holds {code}."),
    };
    Fault::new(format!("the database of container {} waits for an upgrade", web.container)).detail(format!(
        "{why} Set upgrade = true to run it, on a clone rather than on the only copy, or use an image with the \
         database's release; then apply again."
    ))
}

/// Of the code and of the database.
fn releases(health: &Health) -> (&str, &str) {
    (health.release.as_deref().unwrap_or("unknown"), health.db_release.as_deref().unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use mprov_sdk::{CancellationToken, ContainerExec, ExecRequest};

    use super::*;

    fn output(status: i64, stdout: &str) -> ExecOutput {
        ExecOutput { status, stdout: stdout.into(), stderr: Vec::new() }
    }

    #[test]
    fn exit_codes_are_outcomes() {
        let cases = [
            (output(0, "-->System\n++ Success ++\n"), Outcome::Upgraded),
            (output(0, "++ Success ++\nCaches are stale.\n"), Outcome::UpgradedStale),
            (output(0, "Nothing to upgrade.\n"), Outcome::UpToDate),
            (output(1, "Nothing to upgrade.\n"), Outcome::Failed),
            (output(2, ""), Outcome::Pending),
            (output(3, ""), Outcome::NoSite),
            (output(4, ""), Outcome::Running),
            (output(5, ""), Outcome::Interrupted),
            (output(6, ""), Outcome::Downgrade),
            (output(137, ""), Outcome::Failed),
        ];
        for (output, outcome) in cases {
            assert_eq!(Outcome::of(&output), outcome, "{output:?}");
        }
    }

    #[derive(Default)]
    struct Recorded(Mutex<Vec<Event>>);

    impl Events for Recorded {
        fn emit(&self, event: Event) {
            self.0.lock().expect("lock").push(event);
        }
    }

    fn health(code: &str, data: &str) -> Health {
        Health {
            release: Some(code.into()),
            db_release: Some(data.into()),
            upgrade_pending: code != data,
            ..Health::default()
        }
    }

    fn call(events: Arc<dyn Events>) -> Call {
        Call {
            address: "moodle_site.test".into(),
            token: "t".into(),
            base_dir: "/".into(),
            events,
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    #[test]
    fn lines_of_an_upgrade_are_progress_and_secrets_are_not_told() {
        let recorded = Arc::new(Recorded::default());
        let call = call(recorded.clone());
        let health = health("5.0.6+ (Build: 20260403)", "4.5.5+ (Build: 20250613)");
        let with =
            Upgrading { health: &health, database: None, limit: Duration::ZERO, secret: "hunter2-hunter2" };
        let steps = Steps::of(&call, &with);
        for line in [
            "-->System",
            "++ 2025041400.00: Success (0.02 seconds) ++",
            "-->mod_quiz",
            "++ Success (0.11 seconds) ++",
            "== Setting new default values ==",
            "New setting: navfilter",
            "got hunter2-hunter2",
        ] {
            steps.log(line);
        }
        let events = recorded.0.lock().expect("lock").clone();
        let progress =
            |message: &str, done, total| Event::Progress(Progress { message: message.into(), done, total });
        assert_eq!(
            events,
            [
                progress("Upgrading System", Some(1), Some(STEPS)),
                progress("Upgrading mod_quiz", Some(2), Some(STEPS)),
                progress("Setting new default values", None, None),
                Event::Log("New setting: navfilter".into()),
                Event::Log("got (secret)".into()),
            ]
        );
    }

    #[test]
    fn within_a_branch_nobody_knows_how_many_steps_there_are() {
        let call = call(mprov_sdk::Silent::shared());
        let health = health("5.0.6", "5.0 (Build: 20250414)");
        let with = Upgrading { health: &health, database: None, limit: Duration::ZERO, secret: "" };
        assert_eq!(Steps::of(&call, &with).total, None);
    }

    /// Answers by the command's last word and writes down what it was asked.
    struct Scripted {
        asked: Mutex<Vec<String>>,
        upgrade: i64,
        restore: i64,
    }

    #[async_trait::async_trait]
    impl ContainerExec for Scripted {
        async fn exec(
            &self,
            container: &str,
            request: ExecRequest,
            _: &dyn Events,
            _: &CancellationToken,
        ) -> Result<ExecOutput, Fault> {
            let word =
                request.argv.last().expect("a command").rsplit('/').next().unwrap_or_default().to_owned();
            self.asked.lock().expect("lock").push(format!("{container}: {word}"));
            Ok(match word.as_str() {
                "upgrade.php" => output(self.upgrade, "line of the upgrade"),
                "restore" => output(self.restore, "no disk"),
                _ => output(0, ""),
            })
        }
    }

    async fn run(upgrade_ends: i64, restore_ends: i64) -> (Vec<String>, Result<Done, Fault>) {
        let containers =
            Arc::new(Scripted { asked: Mutex::default(), upgrade: upgrade_ends, restore: restore_ends });
        let web = Web::new(containers.clone(), "web");
        let database = Database::new(containers.clone(), "db");
        let health = health("5.0.6", "4.5.5");
        let with = Upgrading {
            health: &health,
            database: Some(&database),
            limit: Duration::ZERO,
            secret: "hunter2",
        };
        let ended = upgrade(&web, &call(mprov_sdk::Silent::shared()), &with).await;
        let asked = containers.asked.lock().expect("lock").clone();
        (asked, ended)
    }

    #[tokio::test]
    async fn the_database_is_durable_again_however_the_upgrade_ends() {
        for (status, succeeds) in [(0, true), (1, false), (5, false)] {
            let (asked, ended) = run(status, 0).await;
            assert_eq!(asked, ["db: relax", "web: upgrade.php", "db: restore"]);
            assert_eq!(ended.is_ok(), succeeds);
        }
    }

    #[tokio::test]
    async fn a_database_that_is_not_durable_again_is_a_fault_beside_the_first_one() {
        let (_, ended) = run(0, 1).await;
        assert!(ended.expect_err("not durable").summary.contains("does not wait for the disk"));
        let (_, ended) = run(1, 1).await;
        let fault = ended.expect_err("failed");
        assert!(fault.summary.contains("could not be upgraded"), "{fault}");
        assert!(
            fault.detail.contains("line of the upgrade") && fault.detail.contains("does not wait"),
            "{fault}"
        );
    }
}
