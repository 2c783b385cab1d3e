//! A canary is pushed through everything that mprov writes and says, and looked for in all of it.
//! (`tests/site.rs` does the same with a real site, its containers and its processes.)

mod support;

use std::fs;
use std::path::Path;

use support::{Ended, Folder};

const CANARY: &str = "canary-d41d8cd98f00b204";

const CONFIGURATION: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}

provider "sim" {
  world = "world"
}

resource "sim_resource" "a" {
  name   = "a"
  value  = { nested = [var.password, "plain"] }
  secret = "prefix ${var.password} suffix"
}

resource "core_value" "b" {
  input            = { "${sim_resource.a.id}" = sim_resource.a.secret_output }
  triggers_replace = [var.password]
}

resource "sim_resource" "broken" {
  name        = "broken"
  secret      = var.password
  fail_create = "refused"
}

output "password" {
  value     = var.password
  sensitive = true
}
"#;

#[track_caller]
fn clean(what: &str, text: &str) {
    assert!(!text.contains(CANARY), "the secret is in {what}:\n{text}");
}

#[track_caller]
fn clean_end(what: &str, ended: &Ended) {
    clean(&format!("stdout of {what}"), &ended.stdout);
    clean(&format!("stderr of {what}"), &ended.stderr);
}

/// Every file of the folder but the simulated world, which stands for an outside service, and the
/// file that gives the secret.
fn clean_files(folder: &Folder) -> usize {
    let mut seen = 0;
    let mut open = vec![folder.whole().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "world" {
                    open.push(path);
                }
            } else if name != "given.mprovvars.hcl" {
                let bytes = fs::read(&path).expect("a file");
                clean(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
                seen += 1;
            }
        }
    }
    seen
}

fn given(folder: &Folder, password: &str) {
    folder.write("given.mprovvars.hcl", &format!("password = \"{password}\"\n"));
}

#[test]
fn nothing_that_is_written_or_said_holds_a_secret() {
    let folder = Folder::with(CONFIGURATION);
    given(&folder, CANARY);
    let with = "-var-file=given.mprovvars.hcl";
    for command in [
        &["validate"][..],
        &["plan", with],
        &["plan", with, "-json"],
        &["plan", with, "-out=saved.plan"],
        &["show", "saved.plan"],
        &["show", "-json", "saved.plan"],
        // The step that fails leaves a journal's trace of itself in the state's history.
        &["apply", "-auto-approve", with],
        &["apply", "-auto-approve", "-json", with],
        &["show"],
        &["show", "-json"],
        &["state", "list"],
        &["state", "show", "sim_resource.a"],
        &["state", "show", "core_value.b"],
        &["output"],
    ] {
        clean_end(&format!("mprov {command:?}"), &folder.run(command));
        clean_files(&folder);
    }
    assert!(folder.path().join("mprov.state.json").exists());
    // A changed secret shows as a change, not as what it was or is.
    given(&folder, &format!("{CANARY}-2"));
    clean_end("a plan of a changed secret", &folder.run(&["plan", with]));
    clean_end("destroy", &folder.run(&["destroy", "-auto-approve", with]));
    assert!(clean_files(&folder) > 3, "there was something to look at");
    // It is there for those who ask for it by its name.
    given(&folder, CANARY);
    folder.write("main.mprov.hcl", &CONFIGURATION.replace("fail_create = \"refused\"", ""));
    folder.ok(&["apply", "-auto-approve", with]);
    assert_eq!(folder.ok(&["output", "-raw", "password"]).stdout, CANARY);
}

#[test]
fn a_journal_in_the_middle_of_an_apply_holds_no_secret() {
    let slow = CONFIGURATION.replace("fail_create = \"refused\"", "latency_ms = 60000");
    let folder = Folder::with(&slow);
    given(&folder, CANARY);
    let mut child = folder.start(&["apply", "-auto-approve", "-var-file=given.mprovvars.hcl"]);
    let journal = folder.path().join("mprov.state.journal");
    let begun = || fs::read_to_string(&journal).is_ok_and(|text| text.contains("sim_resource.broken"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !begun() {
        assert!(std::time::Instant::now() < deadline, "the apply did not begin");
        std::thread::yield_now();
    }
    clean_files(&folder);
    let command_line = fs::read(Path::new("/proc").join(child.id().to_string()).join("cmdline"));
    clean("the process list", &String::from_utf8_lossy(&command_line.expect("it runs")));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

#[test]
fn a_lost_key_is_told_and_what_is_no_secret_stays_readable() {
    let folder = Folder::with(&CONFIGURATION.replace("fail_create = \"refused\"", ""));
    given(&folder, CANARY);
    folder.ok(&["apply", "-auto-approve", "-var-file=given.mprovvars.hcl"]);
    fs::remove_dir_all(folder.whole().join("home/.config/mprov/keys")).expect("the keys");
    let list = folder.ok(&["state", "list"]);
    assert!(list.stdout.contains("sim_resource.a"), "{}", list.stdout);
    let plan = folder.fails(&["plan", "-var-file=given.mprovvars.hcl"], 1);
    assert!(plan.stderr.contains(".key"), "the missing file is named: {}", plan.stderr);
}
