use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::ListContainersOptions;
use mprov_sdk::{Fault, Object};

use crate::fault::{engine_fault, message};

/// Why a container did not start; a port that is taken is named, with who has it.
pub async fn start_fault(docker: &Docker, id: &str, planned: &Object, error: &Error) -> Fault {
    let name = planned.get("name").as_str().unwrap_or_default();
    let what = format!("container {name} could not be started");
    let text = message(error);
    let is_about_ports =
        text.contains("port is already allocated") || text.contains("address already in use");
    let Some((ip, port)) = taken_port(&text).filter(|_| is_about_ports) else {
        return engine_fault(what, error);
    };
    let holder = match container_at(docker, id, port).await {
        Some(container) => format!("Container {container} has it"),
        None => format!("A process on the engine's machine has it (`ss -ltnp sport = :{port}` shows which)"),
    };
    Fault::new(format!("port {port} on {ip} is taken, so container {name} could not be started"))
        .detail(format!("{holder}. Free the port, or set another one as \"external\"; then run apply again."))
}

/// Address and port in the engine's messages "Bind for 127.0.0.1:80 failed: port is already
/// allocated" and "listen tcp4 127.0.0.1:80: bind: address already in use".
fn taken_port(message: &str) -> Option<(String, u16)> {
    let start = message.find("Bind for ").map(|i| i + "Bind for ".len()).or_else(|| {
        let listen = message.find("listen ")? + "listen ".len();
        Some(listen + message[listen..].find(' ')? + 1)
    })?;
    let address = message[start..].split_whitespace().next()?.trim_end_matches(':');
    let (ip, port) = address.rsplit_once(':')?;
    Some((ip.to_owned(), port.parse().ok()?))
}

async fn container_at(docker: &Docker, id: &str, port: u16) -> Option<String> {
    let containers = docker.list_containers(None::<ListContainersOptions>).await.ok()?;
    let holder = containers.into_iter().find(|c| {
        let ports = c.ports.iter().flatten();
        c.id.as_deref() != Some(id) && ports.into_iter().any(|p| p.public_port == Some(port))
    })?;
    Some(holder.names?.first()?.trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taken_port_is_found_in_the_engines_message() {
        let allocated = "driver failed programming external connectivity on endpoint web (ab): \
                         Bind for 127.0.0.1:8080 failed: port is already allocated";
        let in_use = "Error starting userland proxy: listen tcp4 0.0.0.0:443: bind: address already in use";
        let v6 = "listen tcp6 [::1]:443: bind: address already in use";
        assert_eq!(taken_port(allocated), Some(("127.0.0.1".into(), 8080)));
        assert_eq!(taken_port(in_use), Some(("0.0.0.0".into(), 443)));
        assert_eq!(taken_port(v6), Some(("[::1]".into(), 443)));
        assert_eq!(taken_port("no such image"), None);
    }
}
