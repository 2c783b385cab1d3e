//! What whole-program tests share: a folder with a configuration, and the program itself.
#![allow(dead_code)] // each test program uses a part of it

pub mod sshd;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use mprov_provider_sim::World;

/// A folder of its own for one test, with a home of its own for keys.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("home")).expect("a home");
        std::fs::create_dir(dir.path().join("site")).expect("a folder");
        Self { dir }
    }

    pub fn with(main: &str) -> Self {
        let folder = Self::new();
        folder.write("main.mprov.hcl", main);
        folder
    }

    /// The root module's folder.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("site")
    }

    /// Everything of this test, keys included.
    pub fn whole(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub fn world(&self) -> World {
        World::open(self.path().join("world"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mprov"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("USER", "tester")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("mprov starts").into()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("mprov starts")
    }

    /// Runs a command that has to succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "mprov {arguments:?}:\n{}\n{}", ended.stdout, ended.stderr);
        ended
    }

    #[track_caller]
    pub fn fails(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "mprov {arguments:?}:\n{}\n{}", ended.stdout, ended.stderr);
        ended
    }

    #[track_caller]
    pub fn has_no_changes(&self) {
        self.ok(&["plan", "-detailed-exitcode"]);
    }

    /// The state as JSON; null where there is none.
    pub fn state(&self) -> serde_json::Value {
        match std::fs::read_to_string(self.path().join("mprov.state.json")) {
            Ok(text) => serde_json::from_str(&text).expect("the state is JSON"),
            Err(_) => serde_json::Value::Null,
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}
