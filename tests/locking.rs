//! Two at once, and Ctrl-C.

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::Folder;

const SLOW: &str = r#"
provider "sim" {
  world = "world"
}

resource "sim_resource" "slow" {
  name       = "slow"
  latency_ms = 3000
}

resource "sim_resource" "after" {
  name  = "after"
  value = sim_resource.slow.id
}
"#;

/// Waits until the apply has begun its first step.
#[track_caller]
fn begun(folder: &Folder) {
    let journal = folder.path().join("mprov.state.journal");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(&journal).is_ok_and(|t| t.contains("sim_resource.slow")) {
        assert!(Instant::now() < deadline, "the apply did not begin");
        std::thread::yield_now();
    }
}

#[test]
fn the_second_of_two_applies_ends_with_3_and_names_the_first() {
    let folder = Folder::with(SLOW);
    let mut first = folder.start(&["apply", "-auto-approve"]);
    begun(&folder);
    let second = folder.fails(&["apply", "-auto-approve"], 3);
    for named in [first.id().to_string().as_str(), "tester", "mprov apply"] {
        assert!(second.stderr.contains(named), "{named} is named: {}", second.stderr);
    }
    assert!(first.wait().expect("it ends").success());
    folder.has_no_changes();
}

#[test]
fn ctrl_c_once_finishes_the_running_step_and_can_be_resumed() {
    let folder = Folder::with(SLOW);
    let mut apply = folder.start(&["apply", "-auto-approve"]);
    begun(&folder);
    kill(Pid::from_raw(apply.id() as i32), Signal::SIGINT).expect("a signal");
    assert_eq!(apply.wait().expect("it ends").code(), Some(4));
    assert_eq!(folder.ok(&["state", "list"]).stdout, "sim_resource.slow\n");
    folder.ok(&["apply", "-auto-approve"]);
    folder.has_no_changes();
    assert_eq!(folder.world().objects().expect("the world").len(), 2);
}

#[test]
fn ctrl_c_twice_leaves_a_doubt_that_the_next_command_settles() {
    let folder = Folder::with(&SLOW.replace("3000", "20000"));
    let mut apply = folder.start(&["apply", "-auto-approve"]);
    begun(&folder);
    let pid = Pid::from_raw(apply.id() as i32);
    let started = Instant::now();
    kill(pid, Signal::SIGINT).expect("a signal");
    // The second one counts when the first was heard; until then it is the same one.
    while apply.try_wait().expect("its status").is_none() {
        kill(pid, Signal::SIGINT).ok();
        std::thread::sleep(Duration::from_millis(50));
        assert!(started.elapsed() < Duration::from_secs(15), "it waits for its running step");
    }
    assert_eq!(apply.wait().expect("it ends").code(), Some(130));
    folder.write("main.mprov.hcl", &SLOW.replace("latency_ms = 3000", ""));
    folder.ok(&["apply", "-auto-approve"]);
    folder.has_no_changes();
    assert_eq!(folder.world().objects().expect("the world").len(), 2);
}

#[test]
fn a_saved_plan_is_refused_when_the_state_has_changed_since() {
    let folder = Folder::with(&SLOW.replace("latency_ms = 3000", ""));
    folder.ok(&["plan", "-out=first.plan"]);
    folder.ok(&["apply", "-auto-approve"]);
    let stale = folder.fails(&["apply", "first.plan"], 6);
    assert!(stale.stderr.contains("serial"), "{}", stale.stderr);
    folder.write("more.mprov.hcl", "resource \"sim_resource\" \"more\" {\n  name = \"more\"\n}\n");
    folder.ok(&["plan", "-out=second.plan"]);
    folder.ok(&["apply", "second.plan"]);
    folder.has_no_changes();
}
