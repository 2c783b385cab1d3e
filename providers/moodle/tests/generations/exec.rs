//! Processes in containers by the docker command, as the docker provider runs them by the engine's
//! API: they go on when nobody waits for them any more.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, ContainerExec, Events, ExecOutput, ExecRequest, Fault};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Command;

pub struct DockerExec;

#[async_trait]
impl ContainerExec for DockerExec {
    async fn exec(
        &self,
        container: &str,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        let limit = request.timeout.unwrap_or(Duration::from_secs(600));
        tokio::select! {
            output = run(container, request, events) => output,
            () = tokio::time::sleep(limit) => Err(Fault::new(format!("no end within {limit:?}"))),
            () = cancel.cancelled() => Err(Fault::new("interrupted")),
        }
    }
}

async fn run(container: &str, request: ExecRequest, events: &dyn Events) -> Result<ExecOutput, Fault> {
    let mut command = Command::new("docker");
    command.args(["exec", "-i"]);
    if let Some(user) = &request.user {
        command.args(["-u", user]);
    }
    command.arg(container).args(&request.argv).kill_on_drop(true);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("docker starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = request.stdin.unwrap_or_default();
    let write = async move {
        let _ = stdin.write_all(&input).await;
    };
    let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let ((), stdout, stderr) = tokio::join!(write, lines(stdout, events), lines(stderr, events));
    let status = child.wait().await.expect("it ends").code().unwrap_or(255);
    let said = String::from_utf8_lossy(&stderr).into_owned();
    match said.contains("Error response from daemon") || said.contains("No such container") {
        true => Err(Fault::new(format!("nothing can be run in container {container}")).detail(said)),
        false => Ok(ExecOutput { status: i64::from(status), stdout, stderr }),
    }
}

async fn lines(stream: impl AsyncRead + Unpin, events: &dyn Events) -> Vec<u8> {
    let mut all = Vec::new();
    let mut stream = BufReader::new(stream);
    loop {
        let began = all.len();
        if stream.read_until(b'\n', &mut all).await.unwrap_or(0) == 0 {
            return all;
        }
        events.log(String::from_utf8_lossy(&all[began..]).trim_end());
    }
}
