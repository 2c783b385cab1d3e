use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::Certificates;

/// The process of the service; it ends with the test.
pub struct Service {
    process: Child,
    pub port: u16,
}

impl Service {
    pub fn start(tls: Option<(&Certificates, bool)>) -> Self {
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/server.py"));
        if let Some((certificates, asks_for_one)) = tls {
            let path = |name: &str| certificates.path(name);
            command.arg("--certificate").arg(path("server.pem")).arg("--key").arg(path("server.key"));
            if asks_for_one {
                command.arg("--client-authority").arg(path("ca.pem"));
            }
        }
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("these tests need python3");
        let output = process.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port = line.trim().parse().expect("the service tells its port");
        Self { process, port }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
