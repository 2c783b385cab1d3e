use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerInspectResponse, Health, HealthConfig, HealthStatusEnum};
use bollard::query_parameters::InspectContainerOptions;
use mprov_sdk::{Call, CancellationToken, ContainerExec, ExecRequest, Fault, Object, Silent};
use tokio::time::Instant;

use super::body::unreadable;
use super::logs;
use super::observe::{exit_code, is_running};
use crate::duration;
use crate::exec::Exec;
use crate::fault::{engine_fault, interrupted};

const POLL: Duration = Duration::from_millis(200);
/// A container that Docker has had to restart so often will not become healthy by waiting.
const CRASHES: i64 = 3;
/// For one run of a health test that says nothing about it; Docker's own default.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a container has to reach.
pub struct Readiness {
    must_run: bool,
    stopped: bool,
    /// None: where there is something to wait for.
    wait: Option<bool>,
    timeout: Duration,
}

impl Readiness {
    pub fn of(planned: &Object) -> Result<Self, Fault> {
        let text = planned.opt_str("wait_timeout")?.unwrap_or("5m");
        Ok(Self {
            must_run: planned.opt_bool("must_run")?.unwrap_or(true),
            stopped: planned.opt_bool("stopped")?.unwrap_or(false),
            wait: planned.opt_bool("wait")?,
            timeout: duration::parse(text).ok_or_else(|| unreadable("wait_timeout", text))?,
        })
    }

    /// Whether it is reached already.
    pub fn is_reached(&self, inspect: &ContainerInspectResponse) -> bool {
        if self.stopped {
            return !is_running(inspect);
        }
        let waits = self.wait != Some(false);
        match self.must_run {
            true => is_running(inspect) && (!waits || !has_healthcheck(inspect) || is_healthy(inspect)),
            false => !waits || (!is_running(inspect) && exit_code(inspect) == Some(0)),
        }
    }

    /// Whether it can be reached only by starting the container.
    pub fn needs_start(&self, inspect: &ContainerInspectResponse) -> bool {
        if self.stopped {
            return false;
        }
        match self.must_run {
            true => !is_running(inspect),
            false => !is_running(inspect) && exit_code(inspect) != Some(0),
        }
    }
}

/// Waits until a started container is what it has to be.
pub async fn wait(docker: &Docker, id: &str, planned: &Object, call: &Call) -> Result<(), Fault> {
    let readiness = Readiness::of(planned)?;
    let deadline = Instant::now() + readiness.timeout;
    let name = planned.str("name")?;
    let crashes_before = inspect(docker, id).await?.restart_count.unwrap_or(0);
    loop {
        let now = inspect(docker, id).await?;
        if readiness.is_reached(&now) {
            return Ok(());
        }
        // Before Docker's verdict, which may be as old as the interval between its own tests.
        if readiness.must_run && probe(docker, id, &now, &call.cancel).await {
            return Ok(());
        }
        if let Some(reason) = hopeless(&readiness, &now, crashes_before) {
            let log = logs::tail_sentence(docker, id, planned).await;
            return Err(Fault::new(format!("container {name} {reason}")).detail(log));
        }
        if Instant::now() > deadline {
            return Err(timed_out(docker, id, planned, &readiness, &now).await);
        }
        call.events.progress(match readiness.must_run {
            true => "waiting for it to become healthy",
            false => "waiting for it to end",
        });
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = call.cancel.cancelled() => return Err(interrupted(&format!("container {name}"))),
        }
    }
}

/// Why waiting longer is no use.
fn hopeless(readiness: &Readiness, now: &ContainerInspectResponse, crashes_before: i64) -> Option<String> {
    let crashes = now.restart_count.unwrap_or(0) - crashes_before;
    if crashes >= CRASHES {
        return Some(format!("crashes again and again: Docker has restarted it {crashes} times"));
    }
    let state = now.state.as_ref()?;
    let is_down = state.running != Some(true) && state.restarting != Some(true);
    if is_down {
        return ended(readiness, now);
    }
    if readiness.must_run && has_failed_tests(now) {
        let said = last_output(now).map(|output| format!(" (its health test says: {output})"));
        return Some(format!("is unhealthy{}", said.unwrap_or_default()));
    }
    None
}

fn ended(readiness: &Readiness, now: &ContainerInspectResponse) -> Option<String> {
    let code = exit_code(now).unwrap_or_default();
    if !readiness.must_run && code == 0 {
        return None;
    }
    let out_of_memory = now.state.as_ref().is_some_and(|s| s.oom_killed == Some(true));
    let cause = if out_of_memory { ", because it ran out of memory" } else { "" };
    Some(format!("ended with exit code {code}{cause}"))
}

/// One run of the container's health test. Docker makes the first only after a whole interval;
/// what depends on the container need not wait for that.
async fn probe(
    docker: &Docker,
    id: &str,
    now: &ContainerInspectResponse,
    cancel: &CancellationToken,
) -> bool {
    let config = now.config.as_ref();
    let Some(check) = config.and_then(|c| c.healthcheck.as_ref()) else { return false };
    let shell = config.and_then(|c| c.shell.clone()).filter(|s| !s.is_empty());
    let Some(argv) = probe_argv(check, shell) else { return false };
    if !is_running(now) {
        return false;
    }
    let timeout = check.timeout.filter(|t| *t > 0).map(|t| Duration::from_nanos(t.unsigned_abs()));
    let request = ExecRequest::new(argv).timeout(timeout.unwrap_or(PROBE_TIMEOUT));
    let exec = Exec { docker: docker.clone() };
    exec.exec(id, request, &Silent, cancel).await.is_ok_and(|output| output.success())
}

fn probe_argv(check: &HealthConfig, shell: Option<Vec<String>>) -> Option<Vec<String>> {
    let (kind, rest) = check.test.as_deref()?.split_first()?;
    match kind.as_str() {
        "CMD" => Some(rest.to_vec()),
        "CMD-SHELL" => {
            let shell = shell.unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into()]);
            Some(shell.into_iter().chain(rest.iter().cloned()).collect())
        }
        _ => None,
    }
}

async fn timed_out(
    docker: &Docker,
    id: &str,
    planned: &Object,
    readiness: &Readiness,
    now: &ContainerInspectResponse,
) -> Fault {
    let name = planned.get("name").as_str().unwrap_or_default();
    let goal = match readiness.must_run {
        true => "become healthy",
        false => "end",
    };
    let seconds = readiness.timeout.as_secs();
    let said = last_output(now).map(|output| format!("Its health test says: {output}. ")).unwrap_or_default();
    let log = logs::tail_sentence(docker, id, planned).await;
    Fault::new(format!("container {name} did not {goal} within {seconds} s"))
        .detail(format!("{said}If it only needs longer, raise \"wait_timeout\". {log}"))
}

fn health(inspect: &ContainerInspectResponse) -> Option<&Health> {
    inspect.state.as_ref()?.health.as_ref()
}

fn is_healthy(inspect: &ContainerInspectResponse) -> bool {
    health(inspect).is_some_and(|h| h.status == Some(HealthStatusEnum::HEALTHY))
}

/// Docker also calls a container unhealthy whose process ended and is being restarted: only
/// failed tests say that it is.
fn has_failed_tests(inspect: &ContainerInspectResponse) -> bool {
    health(inspect)
        .is_some_and(|h| h.status == Some(HealthStatusEnum::UNHEALTHY) && h.failing_streak.unwrap_or(0) > 0)
}

/// What the last health test printed.
fn last_output(inspect: &ContainerInspectResponse) -> Option<&str> {
    let output = health(inspect)?.log.as_ref()?.last()?.output.as_deref()?.trim();
    (!output.is_empty()).then_some(output)
}

/// A health test of its own or of its image.
fn has_healthcheck(inspect: &ContainerInspectResponse) -> bool {
    let check = inspect.config.as_ref().and_then(|c| c.healthcheck.as_ref());
    check.is_some_and(|check| probe_argv(check, None).is_some())
}

async fn inspect(docker: &Docker, id: &str) -> Result<ContainerInspectResponse, Fault> {
    docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await
        .map_err(|e| engine_fault(format!("container {id} could not be inspected"), &e))
}
