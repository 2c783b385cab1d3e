use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{CancellationToken, Events, Fault};

/// A process to run in a container or on a machine.
#[derive(Clone, Debug, Default)]
pub struct ExecRequest {
    pub argv: Vec<String>,
    /// User to run as; the container's or connection's own where none is given.
    pub user: Option<String>,
    pub working_dir: Option<String>,
    /// Never secrets: they are visible to whoever may inspect the process.
    pub env: BTreeMap<String, String>,
    /// The way for secrets.
    pub stdin: Option<Vec<u8>>,
    /// Killed after this time; no limit where none is given.
    pub timeout: Option<Duration>,
}

impl ExecRequest {
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit status; 128 + n where signal n ended the process.
    pub status: i64,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl ExecOutput {
    pub fn success(&self) -> bool {
        self.status == 0
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last lines of both streams, for a fault's detail.
    pub fn tail(&self, lines: usize) -> String {
        let text =
            format!("{}{}", String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Runs processes in running containers.
#[async_trait]
pub trait ContainerExec: Send + Sync {
    /// Runs the process to its end. Output lines are also sent to `events` as they come.
    ///
    /// A process that ends with a status other than 0 is not a fault; a container that does not
    /// exist or run is.
    async fn exec(
        &self,
        container: &str,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault>;

    /// Whether there is such a container and it runs; true where that cannot be told.
    async fn runs(&self, _container: &str) -> Result<bool, Fault> {
        Ok(true)
    }
}

/// A file to be written in one piece: all of it or nothing is there afterwards.
#[derive(Clone, Debug)]
pub struct FileWrite {
    pub path: String,
    pub content: Vec<u8>,
    /// Permission bits, e.g. `0o600`, set before the content is.
    pub mode: u32,
    pub owner: Option<String>,
    pub group: Option<String>,
}

/// A machine, local or remote, as providers other than `host` need it.
#[async_trait]
pub trait Machine: Send + Sync {
    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault>;

    /// The content, or none where there is no such file.
    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// Writes by a temporary file in the same folder, fsync and rename.
    async fn write_file(&self, file: FileWrite) -> Result<(), Fault>;

    /// Removes the file; that it is not there is success.
    async fn remove_file(&self, path: &str) -> Result<(), Fault>;

    /// Makes the directory with its parents.
    async fn create_dir(&self, path: &str, mode: u32) -> Result<(), Fault>;

    /// A Unix socket of the machine that mprov runs on, which leads to the one at that path: the
    /// same one where the machine is local. It is good as long as the session is.
    async fn socket(&self, path: &str) -> Result<PathBuf, Fault>;

    /// Whether paths of that machine are paths of the machine that mprov runs on.
    fn is_local(&self) -> bool;
}

/// What a provider can reach through the sessions of other providers.
#[derive(Clone, Default)]
pub struct Services {
    pub containers: Option<Arc<dyn ContainerExec>>,
    pub machine: Option<Arc<dyn Machine>>,
}
