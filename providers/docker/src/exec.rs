use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;
use mprov_sdk::{CancellationToken, ContainerExec, Events, ExecOutput, ExecRequest, Fault};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::fault::{engine_fault, has_status, interrupted, unless_gone};

/// Environment variable that marks a process (and its children) so that it can be found and
/// killed inside the container: the engine's API has no call for that.
const MARK: &str = "MPROV_EXEC";
/// Run as root inside the container with the mark as `$1`. The killer itself does not carry the
/// mark in its environment.
const KILL_MARKED: &str = "for p in /proc/[0-9]*; do \
     grep -q \"$1\" \"$p/environ\" 2>/dev/null && kill -KILL \"${p#/proc/}\"; done; true";
/// How long the output of a killed process is waited for.
const KILL_GRACE: Duration = Duration::from_secs(10);
const EXIT_POLL: Duration = Duration::from_millis(20);

/// Runs processes in containers by the engine's exec calls.
pub struct Exec {
    pub docker: Docker,
}

#[async_trait]
impl ContainerExec for Exec {
    async fn exec(
        &self,
        container: &str,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        let program = request.argv.first().cloned().unwrap_or_default();
        let what = format!("\"{program}\" in container {container}");
        let timeout = request.timeout;
        let mut running = self.start(container, request).await?;
        let limit = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let timed_out = tokio::select! {
            result = running.collect(events) => { result?; false }
            () = limit => true,
            () = cancel.cancelled() => return Err(interrupted(&what)),
        };
        if timed_out {
            let limit = timeout.unwrap_or_default();
            return Err(self.kill(container, &what, running, limit, events).await);
        }
        running.output.status = self.exit_status(&running.id, &what).await?;
        Ok(running.output)
    }

    async fn runs(&self, container: &str) -> Result<bool, Fault> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        match unless_gone(self.docker.inspect_container(container, options).await) {
            Ok(inspect) => Ok(inspect.and_then(|i| i.state?.running).unwrap_or(false)),
            Err(error) => Err(engine_fault(format!("container {container} could not be inspected"), &error)),
        }
    }
}

impl Exec {
    async fn start(&self, container: &str, request: ExecRequest) -> Result<Running, Fault> {
        let program = request.argv.first().cloned().unwrap_or_default();
        let fault = |error: &bollard::errors::Error| start_fault(container, &program, error);
        let mark = Uuid::new_v4().simple().to_string();
        let marked = request.timeout.map(|_| (MARK.to_owned(), mark.clone()));
        let env: BTreeMap<String, String> = request.env.into_iter().chain(marked).collect();
        let config = ExecConfig {
            attach_stdin: Some(request.stdin.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(request.argv),
            env: Some(env.into_iter().map(|(k, v)| format!("{k}={v}")).collect()),
            user: request.user,
            working_dir: request.working_dir,
            ..ExecConfig::default()
        };
        let created = self.docker.create_exec(container, config).await.map_err(|e| fault(&e))?;
        let started = self.docker.start_exec(&created.id, None).await.map_err(|e| fault(&e))?;
        let StartExecResults::Attached { output, input } = started else {
            unreachable!("an exec that is not detached is attached");
        };
        // Written beside the reading of the output: a process that fills its output before it has
        // read its input would wait for ever otherwise. Ending early is the process's right.
        let stdin = request.stdin;
        let writer = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut input = input;
            if let Some(bytes) = stdin
                && input.write_all(&bytes).await.is_ok()
            {
                let _ = input.flush().await;
                let _ = input.shutdown().await;
            }
            // Kept open until the process ends: closing the connection would cut its output off.
            input
        }));
        Ok(Running {
            id: created.id,
            mark,
            stream: output,
            stdout: Lines::default(),
            stderr: Lines::default(),
            output: ExecOutput::default(),
            _writer: writer,
        })
    }

    async fn exit_status(&self, id: &str, what: &str) -> Result<i64, Fault> {
        // The stream ends a moment before the engine knows the status.
        let deadline = Instant::now() + KILL_GRACE;
        loop {
            let state = self
                .docker
                .inspect_exec(id)
                .await
                .map_err(|e| engine_fault(format!("the end of {what} could not be learnt"), &e))?;
            if let (Some(false), Some(status)) = (state.running, state.exit_code) {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(Fault::new(format!("the end of {what} could not be learnt"))
                    .detail("Its output ended, but Docker still reports it as running."));
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
    }

    async fn kill(
        &self,
        container: &str,
        what: &str,
        mut running: Running,
        limit: Duration,
        events: &dyn Events,
    ) -> Fault {
        let argv = ["sh", "-c", KILL_MARKED, "sh", &format!("{MARK}={}", running.mark)];
        let killer = ExecRequest::new(argv).user("0:0");
        let killing = async {
            let mut killer = self.start(container, killer).await.ok()?;
            killer.collect(&mprov_sdk::Silent).await.ok()?;
            running.collect(events).await.ok()
        };
        let killed = tokio::time::timeout(KILL_GRACE, killing).await.ok().flatten().is_some();
        let end = match killed {
            true => "It was killed.",
            false => "It could not be killed and may still run: look with `docker top`.",
        };
        let tail = running.output.tail(15);
        let tail = if tail.is_empty() { String::new() } else { format!(" Its last lines:\n{tail}") };
        Fault::new(format!("{what} did not end within {} s", limit.as_secs_f64()))
            .detail(format!("{end}{tail}"))
    }
}

/// A started process whose output is being read.
struct Running {
    id: String,
    mark: String,
    stream:
        std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
    stdout: Lines,
    stderr: Lines,
    output: ExecOutput,
    _writer: AbortOnDropHandle<std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>>,
}

impl Running {
    /// Reads to the end of the output. Can be called again after it was dropped half-way.
    async fn collect(&mut self, events: &dyn Events) -> Result<(), Fault> {
        while let Some(item) = self.stream.next().await {
            let item = item.map_err(|e| engine_fault("the output of a process could not be read", &e))?;
            match item {
                LogOutput::StdErr { message } => {
                    self.output.stderr.extend_from_slice(&message);
                    self.stderr.push(&message, events);
                }
                LogOutput::StdOut { message } | LogOutput::Console { message } => {
                    self.output.stdout.extend_from_slice(&message);
                    self.stdout.push(&message, events);
                }
                LogOutput::StdIn { .. } => {}
            }
        }
        self.stdout.flush(events);
        self.stderr.flush(events);
        Ok(())
    }
}

/// Cuts a stream of chunks into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8], events: &dyn Events) {
        self.rest.extend_from_slice(chunk);
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            events.log(String::from_utf8_lossy(&line).trim_end());
        }
    }

    fn flush(&mut self, events: &dyn Events) {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            events.log(String::from_utf8_lossy(&line).trim_end());
        }
    }
}

fn start_fault(container: &str, program: &str, error: &bollard::errors::Error) -> Fault {
    let what = format!("\"{program}\" could not be run in container {container}");
    if has_status(error, 404) {
        return Fault::new(what).detail("There is no such container.");
    }
    if has_status(error, 409) {
        return Fault::new(what).detail(format!(
            "The container does not run. `docker logs {container}` may say why; start it by an apply."
        ));
    }
    engine_fault(what, error)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use mprov_sdk::Event;

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<String>>);

    impl Events for Recorded {
        fn emit(&self, event: Event) {
            if let Event::Log(line) = event {
                self.0.lock().expect("lock").push(line);
            }
        }
    }

    #[test]
    fn chunks_become_lines() {
        let recorded = Recorded::default();
        let mut lines = Lines::default();
        for chunk in ["one\ntw", "o\r\n", "", "thr", "ee"] {
            lines.push(chunk.as_bytes(), &recorded);
        }
        lines.flush(&recorded);
        assert_eq!(*recorded.0.lock().expect("lock"), ["one", "two", "three"]);
    }
}
