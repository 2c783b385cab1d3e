//! One site of a test: its folder, its name, its port, and its end.

use std::cell::RefCell;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use serde_json::Value as Json;

use crate::docker::{docker, lines, try_docker};
use crate::images::{base_archive, repository, stand_in};
use crate::inventory::inventory;
use crate::support::{Ended, Folder};

/// Sites are counted on the engine and measured in time, so there is one at a time.
static TURN: Mutex<()> = Mutex::new(());

pub struct Site {
    pub folder: Folder,
    /// `mprov-test-` and something random; the prefix of all that is the site's in Docker.
    pub name: String,
    pub port: u16,
    /// All that commands have said, but for those that were asked for a secret.
    pub said: RefCell<String>,
    _turn: MutexGuard<'static, ()>,
}

/// A port of this machine that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// The text with something that stands in it once said differently.
#[track_caller]
pub fn changed(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} has to stand once in:\n{text}");
    text.replace(from, to)
}

impl Site {
    /// A site without any configuration yet.
    pub fn empty() -> Self {
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let name = format!("mprov-test-{:08x}", random() as u32);
        Self { folder: Folder::new(), name, port: free_port(), said: RefCell::default(), _turn: turn }
    }

    /// The quick start's configuration with the stand-in, but for the base: it is loaded, not
    /// imported, so that layers are used again.
    pub fn quickstart(database: &str) -> Self {
        let site = Self::empty();
        let examples = repository().join("examples");
        copy(&examples.join("images"), &site.folder.whole().join("images"));
        for file in ["main.mprov.hcl", "images.mprov.hcl"] {
            let text = fs::read_to_string(examples.join("quickstart").join(file)).expect("the example");
            site.folder.write(file, &text);
        }
        site.edit("images.mprov.hcl", "rootfs = var.base.rootfs", "archive = var.base.rootfs");
        // The machine's own /etc/fstab is not a test's to change.
        site.edit("main.mprov.hcl", "type  = \"btrfs\"", "type  = \"btrfs\"\n  persist = false");
        stand_in(&[], "5.0.6", &site.folder.whole().join("moodle"));
        site.answer("", database);
        site
    }

    /// Writes the variables' values, and more of them.
    pub fn answer(&self, more: &str, database: &str) {
        let (whole, name, port) = (self.folder.whole().display(), &self.name, self.port);
        let base = base_archive().display();
        let text = format!(
            "base = {{ rootfs = \"{base}\" }}\nmoodle = \"{whole}/moodle\"\ndatabase = \"{database}\"\n\
             port = {port}\nname = \"{name}\"\ndata_dir = \"{whole}/data\"\n{more}\n"
        );
        self.folder.write("answers.auto.mprovvars.hcl", &text);
    }

    /// Changes a file of the configuration in one place.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.path().join(file)).expect("a file of the site");
        self.folder.write(file, &changed(&text, from, to));
    }

    /// The container, network or image of that name.
    pub fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.whole().join("data")
    }

    pub fn root(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub fn inventory(&self) -> Vec<String> {
        inventory(&self.name, self.folder.whole())
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.folder.fails(arguments, code);
        self.said.borrow_mut().push_str(&ended.text());
        ended
    }

    #[track_caller]
    pub fn apply(&self) -> Ended {
        self.run(&["apply", "-auto-approve"], 0)
    }

    #[track_caller]
    pub fn has_no_changes(&self) {
        let plan = self.run(&["plan", "-detailed-exitcode"], 0);
        assert!(!plan.stdout.contains("outside of mprov"), "{}", plan.stdout);
    }

    /// The plan as programs read it; there has to be something to do.
    #[track_caller]
    pub fn plan(&self, more: &[&str]) -> Json {
        let file = self.folder.whole().join("plan");
        let file = file.to_string_lossy();
        self.run(&[&["plan", "-detailed-exitcode", "-out", &file], more].concat(), 2);
        let shown = self.run(&["show", "-json", &file], 0);
        serde_json::from_str(&shown.stdout).expect("JSON")
    }

    /// A secret, said because it was asked for.
    #[track_caller]
    pub fn output(&self, name: &str) -> String {
        self.folder.ok(&["output", "-raw", name]).stdout.trim_end_matches('\n').to_owned()
    }
}

/// Addresses and actions of a plan.
pub fn actions(plan: &Json) -> Vec<String> {
    let changes = plan["resource_changes"].as_array().expect("a list");
    let line =
        |c: &Json| format!("{} {}", c["change"]["actions"], c["address"].as_str().expect("an address"));
    let mut found: Vec<String> = changes.iter().map(line).collect();
    found.sort();
    found
}

/// Addresses of what has changed outside of mprov, and how.
pub fn drift(plan: &Json) -> Vec<String> {
    let drift = plan["resource_drift"].as_array().expect("a list");
    let line = |d: &Json| format!("{} {}", d["drift"], d["address"].as_str().expect("an address"));
    drift.iter().map(line).collect()
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status().expect("cp starts");
    assert!(done.success());
}

/// However a test ends, nothing of it stays.
impl Drop for Site {
    fn drop(&mut self) {
        let mut destroy = self.folder.command(&["destroy", "-auto-approve", "-refresh=false"]);
        let _ = destroy.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let ours = |arguments: &[&str]| -> Vec<String> {
            let output = try_docker(arguments);
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            lines.lines().filter(|l| l.starts_with(&self.name)).map(str::to_owned).collect()
        };
        for container in ours(&["ps", "-a", "--format", "{{.Names}}"]) {
            try_docker(&["rm", "-f", "-v", &container]);
        }
        for network in ours(&["network", "ls", "--format", "{{.Name}}"]) {
            try_docker(&["network", "rm", &network]);
        }
        for volume in ours(&["volume", "ls", "--format", "{{.Name}}"]) {
            try_docker(&["volume", "rm", &volume]);
        }
        for image in ours(&["images", "--format", "{{.Repository}}:{{.Tag}}"]) {
            try_docker(&["rmi", &image]);
        }
    }
}

/// Ids of the site's containers, by their names.
#[track_caller]
pub fn container_ids(site: &Site) -> Vec<String> {
    let mut found = lines(&["ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]);
    found.retain(|line| line.starts_with(&site.name));
    found.sort();
    found
}

/// When a container was started last.
#[track_caller]
pub fn started(container: &str) -> String {
    docker(&["inspect", "--format", "{{.State.StartedAt}}", container])
}
