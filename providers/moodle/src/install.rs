use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mprov_sdk::{Call, Event, Events, ExecOutput, Fault};
use tokio::time::Instant;

use crate::health::{foreign, health};
use crate::ready::pause;
use crate::redaction::redact;
use crate::web::Web;

const INSTALL: &str = "/usr/share/mprov/install.php";
/// Steps (`-->component` lines) that an installation of Moodle 5.0 shows.
const STEPS: u64 = 420;

/// Between two questions whether another installation has ended: each starts PHP on the machine
/// that is busy with it.
const AGAIN: Duration = Duration::from_secs(2);
/// How the installer says what its exit status says as well.
const RUNNING: &str = "install: another installation is running";

/// What an installation begins with.
pub struct Installing<'a> {
    pub admin_user: &'a str,
    pub admin_password: &'a str,
    pub admin_email: &'a str,
    pub full_name: &'a str,
    pub short_name: &'a str,
    pub language: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Just now, with what it was given.
    Installed,
    /// Earlier, by whomever.
    AlreadyInstalled,
    Foreign,
    /// Another one is under way.
    Running,
    Failed,
}

impl Outcome {
    /// By the exit codes of the image's `install.php`.
    pub fn of(output: &ExecOutput) -> Self {
        let said = |line: &str| output.stdout_text().lines().any(|l| l.trim() == line);
        match output.status {
            0 if said("Already installed.") => Self::AlreadyInstalled,
            0 => Self::Installed,
            3 => Self::Foreign,
            4 => Self::Running,
            _ => Self::Failed,
        }
    }
}

/// Installs, unless it is installed. One that was interrupted is begun anew; one that is under way
/// (the process outlives an mprov that is killed) is waited for, at most `limit`.
///
/// True where this very call installed.
pub async fn install(web: &Web, call: &Call, with: &Installing<'_>, limit: Duration) -> Result<bool, Fault> {
    let began = Instant::now();
    loop {
        let output = run(web, call, with).await?;
        match Outcome::of(&output) {
            Outcome::Installed => return Ok(true),
            Outcome::AlreadyInstalled => return Ok(false),
            Outcome::Foreign => return Err(foreign(web)),
            Outcome::Failed => return Err(failed(web, &output, with)),
            Outcome::Running if began.elapsed() >= limit => return Err(too_long(web, limit)),
            Outcome::Running => {
                let tables = health(web, call).await?.tables.unwrap_or(0);
                call.events
                    .progress(&format!("Waiting for an installation that is under way ({tables} tables)"));
                pause(call, AGAIN).await?;
            }
        }
    }
}

async fn run(web: &Web, call: &Call, with: &Installing<'_>) -> Result<ExecOutput, Fault> {
    let argv = vec![
        "php".to_owned(),
        INSTALL.to_owned(),
        format!("--lang={}", with.language),
        format!("--adminuser={}", with.admin_user),
        format!("--adminemail={}", with.admin_email),
        format!("--fullname={}", with.full_name),
        format!("--shortname={}", with.short_name),
        "--adminpass-file=php://stdin".to_owned(),
    ];
    let steps = Steps { events: &*call.events, done: AtomicU64::new(0), password: with.admin_password };
    web.follow(call, argv, with.admin_password.into(), &steps).await
}

/// Turns the installer's lines into progress.
struct Steps<'a> {
    events: &'a dyn Events,
    done: AtomicU64,
    password: &'a str,
}

impl Events for Steps<'_> {
    fn emit(&self, event: Event) {
        let Event::Log(line) = event else { return self.events.emit(event) };
        if let Some(component) = line.trim().strip_prefix("-->") {
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            let message = format!("Installing {}", component.trim());
            self.events.progress_of(&message, done, STEPS.max(done));
        } else if !line.trim().is_empty() && !line.starts_with("++") && line != RUNNING {
            self.events.log(&redact(&line, [self.password]));
        }
    }
}

fn failed(web: &Web, output: &ExecOutput, with: &Installing<'_>) -> Fault {
    Fault::new(format!("Moodle could not be installed in container {}", web.container)).detail(format!(
        "The installer ended with status {}. The next apply begins anew. Its last lines:\n{}",
        output.status,
        redact(&output.tail(20), [with.admin_password])
    ))
}

fn too_long(web: &Web, limit: Duration) -> Fault {
    Fault::new(format!("an installation in container {} has not ended", web.container)).detail(format!(
        "It was begun by an earlier run and was waited for {} s. Look with `docker top {}` whether install.php \
         still works, then apply again; wait_timeout says how long to wait.",
        limit.as_secs(),
        web.container
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn output(status: i64, stdout: &str) -> ExecOutput {
        ExecOutput { status, stdout: stdout.into(), stderr: Vec::new() }
    }

    #[test]
    fn exit_codes_are_outcomes() {
        let cases = [
            (output(0, "++ Success ++\nInstallation completed successfully.\n"), Outcome::Installed),
            (output(0, "Already installed.\n"), Outcome::AlreadyInstalled),
            (output(1, ""), Outcome::Failed),
            (output(3, ""), Outcome::Foreign),
            (output(4, ""), Outcome::Running),
            (output(64, ""), Outcome::Failed),
            (output(137, "Already installed.\n"), Outcome::Failed),
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

    #[test]
    fn steps_are_counted_and_the_password_is_not_told() {
        let recorded = Recorded::default();
        let steps = Steps { events: &recorded, done: AtomicU64::new(0), password: "hunter2-hunter2" };
        for line in ["-->System", "++ Success (0.12 seconds) ++", "-->mod_quiz", "", "got hunter2-hunter2"] {
            steps.log(line);
        }
        let events = recorded.0.into_inner().expect("lock");
        assert_eq!(events.len(), 3, "{events:?}");
        let Event::Progress(second) = &events[1] else { panic!("{events:?}") };
        assert_eq!((second.message.as_str(), second.done), ("Installing mod_quiz", Some(2)));
        assert_eq!(events[2], Event::Log("got (secret)".into()));
    }
}
