//! A real SSH server for tests: on this machine, on a port of its own, stopped by its own id.
#![allow(dead_code)] // each test program uses a part of it

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Sshd {
    pub port: u16,
    folder: tempfile::TempDir,
    options: Vec<String>,
    child: Option<Child>,
}

impl Sshd {
    /// With lines of its own in sshd_config.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["host", "user", "stranger"] {
            make_key(&folder.path().join(name));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut sshd = Self { port, folder, options, child: None };
        sshd.up();
        sshd
    }

    /// Starts it, again or for the first time.
    pub fn up(&mut self) {
        // Where it keeps what it does as nobody.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut lines = vec![
            format!("ListenAddress 127.0.0.1:{}", self.port),
            format!("HostKey {}", path("host")),
            format!("AuthorizedKeysFile {}", path("user.pub")),
            "PidFile none".into(),
            "StrictModes no".into(),
            "UsePAM no".into(),
            "PasswordAuthentication no".into(),
            "PermitRootLogin yes".into(),
        ];
        lines.extend(self.options.iter().cloned());
        std::fs::write(path("config"), lines.join("\n") + "\n").unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", &path("config")]).stdin(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server. Connections that are open live on: each has a process of its own.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Cuts every open connection.
    pub fn cut(&self) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &id]).output().unwrap();
        for child in String::from_utf8_lossy(&children.stdout).split_whitespace() {
            Command::new("kill").args(["-KILL", child]).status().unwrap();
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A public key, as it stands in known_hosts.
    pub fn public_key(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.down();
    }
}

fn make_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(command.status().unwrap().success());
}
