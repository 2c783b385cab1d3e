use bollard::errors::Error;
use mprov_sdk::Fault;

/// What the engine answered to a call that failed, as a fault. `what` says what could not be done.
pub fn engine_fault(what: impl Into<String>, error: &Error) -> Fault {
    let detail = match error {
        Error::DockerResponseServerError { message, .. } => with_advice(message),
        Error::DockerStreamError { error } => with_advice(error),
        Error::RequestTimeoutError => {
            "The Docker engine did not answer in time. It may be overloaded: look at \
             `journalctl -u docker`, then run the command again."
                .into()
        }
        Error::IOError { .. } | Error::HyperResponseError { .. } | Error::HyperLegacyError { .. } => format!(
            "The connection to the Docker engine was lost: {}. See whether it still runs \
             (`systemctl status docker`), then run the command again.",
            root_cause(error)
        ),
        other => format!("{}.", root_cause(other)),
    };
    Fault::new(what).detail(detail)
}

/// Whether the engine answered with that HTTP status.
pub fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// The result, with "no such object" as none.
pub fn unless_gone<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if has_status(&error, 404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The engine's own message.
pub fn message(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        other => root_cause(other),
    }
}

/// A call that the user does not want to wait for any longer.
pub fn interrupted(what: &str) -> Fault {
    Fault::new(format!("stopped waiting for {what}"))
        .detail("It may go on inside the Docker engine. The next run looks at what became of it.")
}

fn with_advice(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let advice = if message.contains("no space left on device") {
        " The disk that holds Docker's data is full: `docker system df` shows what uses it."
    } else if message.contains("could not find an available, non-overlapping") {
        " Every address range that Docker gives to networks is in use: remove unused networks or set \"subnet\"."
    } else if message.contains("Pool overlaps") {
        " Another network uses these addresses: choose another \"subnet\"."
    } else {
        ""
    };
    format!("Docker says: {message}.{advice}")
}

/// The innermost error: wrappers only say that something failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
