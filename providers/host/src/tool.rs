//! Tools of the system that steps are carried out with.

use mprov_sdk::{Call, CancellationToken, ExecOutput, ExecRequest, Fault, Silent};

use crate::connection::Connection;
use crate::fault::cannot;

/// The variable that tells a process which step it belongs to.
pub const TOKEN_VARIABLE: &str = "MPROV_TOKEN";

/// Runs a tool to its success, recognizable as this step's after a crash.
pub async fn run(connection: &dyn Connection, call: &Call, argv: &[&str]) -> Result<ExecOutput, Fault> {
    run_to(connection, call, argv, 0).await
}

/// As [`run`], for tools whose lowest statuses are successes of different kinds.
pub async fn run_to(
    connection: &dyn Connection,
    call: &Call,
    argv: &[&str],
    highest: i64,
) -> Result<ExecOutput, Fault> {
    let mut request = request(argv);
    request.env.insert(TOKEN_VARIABLE.to_owned(), call.token.to_string());
    let output = connection.exec(request, call.events.as_ref(), &call.cancel).await?;
    match (0..=highest).contains(&output.status) {
        true => Ok(output),
        false => Err(failed(&argv.join(" "), &output)),
    }
}

/// Asks a tool something; any status is an answer.
pub async fn ask(connection: &dyn Connection, argv: &[&str]) -> Result<ExecOutput, Fault> {
    connection.exec(request(argv), &Silent, &CancellationToken::new()).await
}

/// In a language that we understand.
fn request(argv: &[&str]) -> ExecRequest {
    let mut request = ExecRequest::new(argv.iter().copied());
    request.env.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    request
}

pub fn failed(command: &str, output: &ExecOutput) -> Fault {
    let text = output.tail(5);
    let advice = match text.contains("No space left") {
        true => " Free some space or enlarge the filesystem, then apply again.",
        false => "",
    };
    Fault::new(format!("`{command}` failed")).detail(format!("{text}{advice}"))
}

/// A fault while a process of that step is still running: it was started by an mprov that is gone.
pub async fn none_running(connection: &dyn Connection, call: &Call, what: &str) -> Result<(), Fault> {
    let marker = format!("{TOKEN_VARIABLE}={}", call.token);
    let running = connection.processes_with(&marker).await.map_err(cannot("look into", "/proc"))?;
    match running.first() {
        None => Ok(()),
        Some(process) => Err(Fault::new(format!("{what}, as process {process}")).detail(
            "It was started by the apply before, which was killed. Wait for it or end it, then apply again.",
        )),
    }
}
