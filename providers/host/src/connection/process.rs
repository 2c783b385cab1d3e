use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::join3;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// How long processes get to end by themselves before they are killed.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long output is still read after the process has ended: something it started in the
/// background may hold the pipes open forever.
pub const LAST_OUTPUT: Duration = Duration::from_secs(1);

enum End {
    Exited(std::io::Result<ExitStatus>),
    Cancelled,
    TimedOut(Duration),
}

/// Runs a local process in a process group of its own. `ids` are the user and group to become.
pub async fn run(
    request: ExecRequest,
    ids: Option<(u32, u32)>,
    events: &dyn Events,
    cancel: &CancellationToken,
) -> Result<ExecOutput, Fault> {
    let name = request.argv.first().cloned().unwrap_or_default();
    let mut child = spawn(&request, ids)?;
    let mut output = ExecOutput::default();
    let (stdout, stderr, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let end = {
        let pipes = join3(
            collect(stdout, &mut output.stdout, events),
            collect(stderr, &mut output.stderr, events),
            feed(stdin, request.stdin.as_deref()),
        );
        tokio::pin!(pipes);
        let limit = async {
            match request.timeout {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(limit);
        let mut open = true;
        let end = loop {
            tokio::select! {
                _ = &mut pipes, if open => open = false,
                status = child.wait() => break End::Exited(status),
                () = cancel.cancelled() => break End::Cancelled,
                () = &mut limit => break End::TimedOut(request.timeout.unwrap_or_default()),
            }
        };
        if !matches!(end, End::Exited(_)) {
            stop(&mut child).await;
        }
        if open {
            // What is still in the pipes; late output of background processes is not waited for.
            drop(timeout(LAST_OUTPUT, &mut pipes).await);
        }
        end
    };
    match end {
        End::Exited(Ok(status)) => {
            output.status = code(status);
            Ok(output)
        }
        End::Exited(Err(error)) => Err(Fault::new(format!("{name} was lost")).detail(error.to_string())),
        End::Cancelled => Err(cancelled(&name, &output)),
        End::TimedOut(limit) => Err(too_long(&name, limit, &output)),
    }
}

pub fn cancelled(name: &str, output: &ExecOutput) -> Fault {
    Fault::new(format!("{name} was ended because the run was cancelled")).detail(output.tail(20))
}

pub fn too_long(name: &str, limit: Duration, output: &ExecOutput) -> Fault {
    Fault::new(format!("{name} took longer than {} s and was ended", limit.as_secs_f64()))
        .detail(output.tail(20))
}

fn spawn(request: &ExecRequest, ids: Option<(u32, u32)>) -> Result<Child, Fault> {
    let Some((program, arguments)) = request.argv.split_first() else {
        return Err(Fault::new("an empty command cannot be run"));
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(&request.env).process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if request.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    if let Some(folder) = &request.working_dir {
        command.current_dir(folder);
    }
    if let Some((uid, gid)) = ids {
        command.uid(uid).gid(gid);
    }
    command.spawn().map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "Install it, or give its full path; the working directory must exist."
            }
            std::io::ErrorKind::PermissionDenied => "It must be executable, and only root may run as others.",
            _ => "",
        };
        Fault::new(format!("{program} cannot be run"))
            .detail(format!("{error}. {advice}").trim_end().to_owned())
    })
}

async fn collect(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, events: &dyn Events) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    loop {
        let start = into.len();
        match reader.read_until(b'\n', into).await {
            // A pipe that breaks has no more to say, as one that ends.
            Ok(0) | Err(_) => return,
            Ok(_) => events.log(String::from_utf8_lossy(&into[start..]).trim_end_matches(['\r', '\n'])),
        }
    }
}

async fn feed(pipe: Option<ChildStdin>, bytes: Option<&[u8]>) {
    if let (Some(mut pipe), Some(bytes)) = (pipe, bytes) {
        // A process that does not want its input is free to close it.
        drop(pipe.write_all(bytes).await);
    }
}

/// Ends the whole group: kindly, then not.
async fn stop(child: &mut Child) {
    let Some(group) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return };
    // Errors mean that it is gone already.
    let _ = kill_process_group(group, Signal::TERM);
    if timeout(GRACE, child.wait()).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
        drop(child.wait().await);
    }
    // Members that outlived their leader.
    let _ = kill_process_group(group, Signal::KILL);
}

fn code(status: ExitStatus) -> i64 {
    let signal = status.signal().map(|n| 128 + i64::from(n));
    signal.or(status.code().map(i64::from)).unwrap_or(-1)
}
