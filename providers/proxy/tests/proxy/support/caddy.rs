use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{Machine, Object, Services};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::Site;
use super::machine::LocalMachine;

/// A Caddy with a folder of its own. It is killed when dropped.
pub struct Caddy {
    folder: TempDir,
    child: Option<Child>,
    pub http_port: u16,
    pub https_port: u16,
}

impl Caddy {
    /// A proxy that serves nothing yet, like the image's.
    pub fn start() -> Self {
        let mut caddy = Self::stopped();
        caddy.run();
        caddy
    }

    pub fn stopped() -> Self {
        let folder = TempDir::new().expect("a folder");
        for name in ["config", "run", "data", "state"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let caddy = Self { folder, child: None, http_port: free_port(), https_port: free_port() };
        std::fs::write(caddy.path("first.json"), caddy.first().to_string()).expect("a file");
        caddy
    }

    /// Starts as the image does: with the saved configuration, or else the first one.
    pub fn run(&mut self) {
        let saved = self.path("config/caddy.json");
        let config = if saved.exists() { saved } else { self.path("first.json") };
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let child = Command::new("caddy")
            .args(["run", "--config"])
            .arg(config)
            .env("HOME", self.path("data"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap_or_else(|e| {
            panic!("these tests need a real Caddy 2.6 or later in PATH ({e}): apt-get install caddy")
        }));
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn saved(&self) -> String {
        std::fs::read_to_string(self.path("config/caddy.json")).expect("a saved configuration")
    }

    /// How many requests to load a configuration its log shows.
    pub fn loads(&self) -> usize {
        let is_load =
            |line: &&str| line.contains(r#""logger":"admin.api""#) && line.contains(r#""method":"POST""#);
        self.log().lines().filter(is_load).count()
    }

    /// Processor time that it has used.
    pub fn used(&self) -> Duration {
        let id = self.child.as_ref().expect("it runs").id();
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("its status");
        let fields: Vec<&str> = text.rsplit(") ").next().expect("fields").split(' ').collect();
        // proc(5): utime and stime, in ticks of 10 ms on every Linux.
        let ticks: u64 = fields[11..13].iter().map(|t| t.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Waits until so many requests wait for a thaw.
    pub async fn wait_for_waiting(&self, requests: u64) {
        let gate = format!("unix/{}", self.path("run/probe.sock").display());
        for _ in 0..400 {
            let upstreams = self.admin("GET", "/reverse_proxy/upstreams", None).await;
            let mut upstreams = upstreams.as_array().expect("a list").iter();
            let at_the_gate = upstreams.find(|u| u["address"] == gate.as_str());
            if at_the_gate.is_some_and(|u| u["num_requests"].as_u64() >= Some(requests)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{requests} requests did not wait in 10 s");
    }

    pub async fn site(&self) -> Site {
        self.site_on(Arc::new(LocalMachine)).await
    }

    pub async fn site_on(&self, machine: Arc<dyn Machine>) -> Site {
        let config = Object::new()
            .with("admin", format!("unix://{}", self.path("run/admin.sock").display()))
            .with("state_dir", self.path("state").display().to_string())
            .with("state_mount", self.path("state").display().to_string())
            .with("group", i64::from(group_of_this_process()));
        let services = Services { machine: Some(machine), containers: None };
        let session = mprov_provider_proxy::provider().configure(&config, services).await;
        Site { session: session.unwrap_or_else(|f| panic!("configure: {f}")) }
    }

    /// A client of the admin API beside mprov.
    pub async fn admin(&self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let client =
            reqwest::Client::builder().unix_socket(self.path("run/admin.sock")).build().expect("client");
        let method = method.parse().expect("a method");
        let mut request = client.request(method, format!("http://localhost{path}"));
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or(Json::Null)
    }

    fn first(&self) -> Json {
        json!({
            "admin": {
                "listen": format!("unix/{}", self.path("run/admin.sock").display()),
                "origins": ["localhost"],
                "config": { "persist": false }
            },
            "storage": { "module": "file_system", "root": self.path("data") },
            "apps": { "http": { "servers": { "main": {
                "listen": [format!(":{}", self.http_port)],
                "automatic_https": { "disable": true },
                "routes": [{ "handle": [{ "handler": "static_response", "status_code": 503 }] }]
            } } } }
        })
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = format!("the proxy's log:\n{}\n", self.log());
            std::io::stderr().write_all(said.as_bytes()).expect("standard error");
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port()
}

fn group_of_this_process() -> u32 {
    use std::os::unix::fs::MetadataExt;
    TempDir::new().and_then(|d| d.path().metadata()).expect("a folder").gid()
}
