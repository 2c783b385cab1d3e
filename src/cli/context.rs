use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use mprov_sdk::{Diagnostic, Diagnostics};
use mprov_state::{Holder, KeyPlace};
use serde_json::{Value as Json, json};

use crate::catalog;
use crate::config::Sources;
use crate::engine::Stop;
use crate::plan::Observer;
use crate::view::progress::JsonLines;
use crate::view::{Screen, diagnostic};
use crate::workspace::{Surroundings, Workspace};

use super::environment::Environment;
use super::failure::Failure;

/// One run of a command, and what it is surrounded by.
pub struct Context {
    pub screen: Arc<Screen>,
    pub environment: Environment,
    /// The root module's folder.
    pub dir: PathBuf,
    pub begin: Instant,
    /// Events and results go to standard output as JSON lines.
    pub json: bool,
    /// `mprov apply`
    pub command: &'static str,
}

impl Context {
    /// The workspace of the folder. Nothing is read or written yet.
    ///
    /// # Errors
    /// There is no such folder, or no place for keys.
    pub fn workspace(
        &self,
        observer: Arc<dyn Observer>,
        stop: Stop,
        parallelism: usize,
    ) -> Result<Workspace, Failure> {
        let dir = self.dir.canonicalize().map_err(|error| {
            Diagnostic::error(1001, format!("the folder {} cannot be opened: {error}", self.dir.display()))
                .detail("Go to the folder of the configuration, or name it with -chdir=DIR.")
        })?;
        let Some(config_dir) = &self.environment.config_dir else {
            return Err(Diagnostic::error(4050, "there is no place for the key of the state")
                .detail("Keys of secrets are kept below the home folder. Set HOME or XDG_CONFIG_HOME to an absolute path.")
                .into());
        };
        let now = now_is();
        let surroundings = Surroundings {
            dir,
            keys: KeyPlace::Folder(config_dir.join("mprov").join("keys")),
            holder: Holder {
                pid: std::process::id(),
                user: self.environment.user.clone(),
                host: self.environment.host.clone(),
                command: self.command.to_owned(),
                since: now.clone(),
            },
            now,
            clock: Arc::new(now_is),
            nonce: mprov_state::new_lineage(),
            observer,
            stop,
            parallelism,
        };
        Ok(Workspace::open(surroundings, catalog::providers()))
    }

    /// A workspace for looking only: nothing is reported, nothing can be stopped.
    pub fn looking(&self) -> Result<Workspace, Failure> {
        struct Nobody;
        impl Observer for Nobody {
            fn event(&self, _: &crate::plan::RunEvent) {}
        }
        self.workspace(Arc::new(Nobody), Stop::default(), 1)
    }

    /// Runs work that touches the world. The threads for it are made only here: most commands
    /// need none.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Diagnostic::error(3003, format!("the system gives no threads: {error}"))
                .detail("Nothing was done. Raise the limit of processes (ulimit -u) or end some.")
        })?;
        let result = runtime.block_on(work);
        // A provider call that was given up may still hang in the system: nobody waits for it.
        runtime.shutdown_background();
        result
    }

    /// Shows diagnostics: in words, and to programs too where they listen.
    pub fn tell(&self, diagnostics: &Diagnostics, sources: &Sources) {
        for one in diagnostics {
            self.screen.talk(&diagnostic::render(one, sources, self.screen.talk_style()));
            self.screen.talk("\n");
            self.json_line("diagnostic", json!({ "diagnostic": diagnostic::json(one, sources) }));
        }
    }

    /// The first line of a stream of JSON lines.
    pub fn begin_json(&self) {
        self.screen.out(&JsonLines::first_line());
    }

    /// A result as a JSON line, where programs listen.
    pub fn json_line(&self, kind: &str, members: Json) {
        if self.json {
            let line = JsonLines::line(kind, self.begin.elapsed(), members);
            self.screen.out(&line);
        }
    }
}

/// RFC 3339, UTC, to the second, as `timestamp()` gives it to configurations.
fn now_is() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
