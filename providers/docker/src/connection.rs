use std::io::ErrorKind;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use mprov_sdk::{Fault, Machine};
use tokio::net::UnixStream;

use crate::fault::engine_fault;

pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Limit for the engine to begin to answer. Calls that work for longer before they answer (a stop
/// with a long timeout, an upload) take [`patient`].
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// A stalled engine is noticed by the user, who can interrupt; a build must not be cut off.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Connects to an engine and agrees on the version of the API. A socket is one of the machine.
pub async fn connect(host: &str, machine: Option<&dyn Machine>) -> Result<Docker, Fault> {
    let timeout = ANSWER_TIMEOUT.as_secs();
    let docker = if let Some(path) = host.strip_prefix("unix://") {
        match machine.filter(|machine| !machine.is_local()) {
            Some(machine) => {
                let here = machine.socket(path).await.map_err(|fault| unlent(host, &fault))?;
                Docker::connect_with_unix(&here.to_string_lossy(), timeout, API_DEFAULT_VERSION)
            }
            None => {
                probe_socket(host, path).await?;
                Docker::connect_with_unix(path, timeout, API_DEFAULT_VERSION)
            }
        }
    } else if host.starts_with("tcp://") || host.starts_with("http://") {
        Docker::connect_with_http(host, timeout, API_DEFAULT_VERSION)
    } else {
        return Err(Fault::new(format!("\"{host}\" is not an address of a Docker engine"))
            .detail("Write it as unix:///path/of/docker.sock or tcp://host:port."));
    };
    let docker = docker.map_err(|e| unreachable(host, &e))?;
    docker.negotiate_version().await.map_err(|e| unreachable(host, &e))
}

/// The same connection for a call that may work for long before it answers.
pub fn patient(docker: &Docker) -> Docker {
    docker.clone().with_timeout(PATIENCE)
}

/// A connection attempt of our own tells the three usual reasons apart, which the HTTP client
/// hides.
async fn probe_socket(host: &str, path: &str) -> Result<(), Fault> {
    let Err(error) = UnixStream::connect(path).await else { return Ok(()) };
    let detail = match error.kind() {
        ErrorKind::NotFound => format!(
            "There is no socket at {path}: Docker is not installed or not running. Install it, or start it \
             with `systemctl start docker`. If the engine listens elsewhere, set \"host\" in the provider \
             block."
        ),
        ErrorKind::PermissionDenied => format!(
            "This user may not use {path}. Add the user to the group \"docker\" \
             (`usermod -aG docker <user>`, then log in again) or run as root."
        ),
        ErrorKind::ConnectionRefused => format!(
            "The socket {path} is there, but nothing listens at it: Docker has stopped. Start it with \
             `systemctl start docker`."
        ),
        _ => format!("{error}. See whether Docker runs: `systemctl status docker`."),
    };
    Err(Fault::new(format!("the Docker engine at {host} cannot be reached")).detail(detail))
}

/// The machine does not lend its engine's socket.
fn unlent(host: &str, why: &Fault) -> Fault {
    Fault::new(format!("the Docker engine at {host} of the machine cannot be reached")).detail(format!(
        "{why}. Docker is not installed there, does not run (`systemctl start docker`), or the user is not in the \
         group \"docker\"."
    ))
}

fn unreachable(host: &str, error: &bollard::errors::Error) -> Fault {
    engine_fault(format!("the Docker engine at {host} cannot be reached"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_socket_says_that_docker_does_not_run() {
        let fault = connect("unix:///nonexistent/docker.sock", None).await.expect_err("no socket");
        assert!(fault.summary.contains("unix:///nonexistent/docker.sock"), "{fault}");
        assert!(fault.detail.contains("not running"), "{fault}");
    }

    #[tokio::test]
    async fn a_socket_without_a_listener_says_that_docker_has_stopped() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bind"));
        let fault = connect(&format!("unix://{}", path.display()), None).await.expect_err("nobody listens");
        assert!(fault.detail.contains("has stopped"), "{fault}");
    }

    #[tokio::test]
    async fn a_closed_port_and_a_strange_scheme_are_faults() {
        assert!(connect("tcp://127.0.0.1:1", None).await.is_err());
        let fault = connect("ftp://x", None).await.expect_err("scheme");
        assert!(fault.detail.contains("tcp://"), "{fault}");
    }
}
