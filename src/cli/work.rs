use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::Diagnostic;
use mprov_state::Locked;

use crate::engine::Stop;
use crate::plan::{Observer, RunEvent};
use crate::view::progress::{Bars, JsonLines, Lines, Reporter, Reporting};
use crate::workspace::Workspace;

use super::arguments::WorkOptions;
use super::context::Context;
use super::failure::Failure;
use super::interrupt;
use super::wait::Wait;

/// How often a lock that another command holds is tried again: it can belong to a process on
/// another machine, whose end nothing tells.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A workspace at work: locked, recovered, watched.
pub struct Work {
    pub workspace: Workspace,
    pub locked: Locked,
    pub stop: Stop,
    reporting: Option<Reporting>,
}

impl Work {
    /// Opens the workspace, takes its lock and recovers what an interrupted apply left.
    pub async fn begin(context: &Context, options: &WorkOptions) -> Result<Self, Failure> {
        let stop = Stop::default();
        interrupt::listen(&stop)?;
        let workspace = context.workspace(Arc::new(Nobody), stop.clone(), options.parallelism)?;
        let locked = lock(context, &workspace, options.lock_timeout, &stop).await?;
        let mut work = Self { workspace, locked, stop, reporting: None };
        work.report(context);
        let recovered = work.workspace.recover(&work.locked).await;
        work.quiet();
        if recovered? {
            context.screen.talk("An interrupted apply was found and has been recovered.\n");
        }
        Ok(work)
    }

    /// Shows what happens from now on.
    pub fn report(&mut self, context: &Context) {
        let reporting = Reporting::start(reporters(context), Instant::now);
        self.workspace.surroundings.observer = reporting.observer();
        self.reporting = Some(reporting);
    }

    /// Waits until everything is shown, and makes room for other words.
    pub fn quiet(&mut self) {
        self.workspace.surroundings.observer = Arc::new(Nobody);
        if let Some(reporting) = self.reporting.take() {
            reporting.finish();
        }
    }

    /// Says where a key was made, once it was.
    pub fn tell_about_key(&self, context: &Context) {
        let Some(made) = self.workspace.store.keys().made() else { return };
        let path = made.path.display();
        context.screen.talk(&format!(
            "\nA key for the secrets in the state was made: {path}\n\
             Keep a copy of it apart from this machine: without it nobody can read them again.\n"
        ));
        context.json_line("key_made", serde_json::json!({ "path": made.path, "recipient": made.recipient }));
    }
}

struct Nobody;

impl Observer for Nobody {
    fn event(&self, _: &RunEvent) {}
}

fn reporters(context: &Context) -> Vec<Box<dyn Reporter>> {
    let environment = &context.environment;
    let style = context.screen.talk_style();
    let people: Box<dyn Reporter> = match environment.stderr.is_terminal && !environment.dumb {
        true => Box::new(Bars::stderr(style)),
        false => Box::new(Lines::new(context.screen.clone())),
    };
    let mut reporters = vec![people];
    if context.json {
        reporters.push(Box::new(JsonLines::new(context.screen.clone(), context.begin)));
    }
    reporters
}

async fn lock(context: &Context, workspace: &Workspace, wait: Wait, stop: &Stop) -> Result<Locked, Failure> {
    let deadline = Instant::now() + wait.0;
    let mut told = false;
    loop {
        let error = match workspace.lock() {
            Ok(locked) => return Ok(locked),
            Err(error) => error,
        };
        if !error.is_locked() || Instant::now() >= deadline {
            return Err(error.into());
        }
        if !told {
            told = true;
            let why = Diagnostic::from(error).summary;
            context.screen.talk(&format!("Waiting up to {wait} for the lock: {why}\n"));
        }
        tokio::select! {
            () = tokio::time::sleep(TRY_AGAIN) => {}
            () = stop.gently.cancelled() => return Err(crate::plan::interrupted().into()),
        }
    }
}
