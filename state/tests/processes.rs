//! Several processes on one state. The other process is this test program itself, started with
//! the folder in `MPROV_STATE_TEST_DIR` and only `as_the_other_process` to run.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use mprov_state::{
    Action, Header, Holder, Intent, KeyPlace, KeyRing, Outcome, RawJson, Record, StateError, StepResult,
    Store, StoredInstance,
};

const DIR: &str = "MPROV_STATE_TEST_DIR";
const LINE: &str = "other process: ";

fn holder(command: &str) -> Holder {
    Holder {
        pid: std::process::id(),
        user: "moodle".into(),
        host: "vm1".into(),
        command: command.into(),
        since: "2026-11-23T12:00:00Z".into(),
    }
}

fn store(dir: &Path) -> Store {
    Store::open(dir, KeyRing::new(KeyPlace::Folder(dir.join("keys"))))
}

/// Not a test of its own: the part of the other process. Applies for ever, three instances an
/// apply, and names each on standard output when its outcome is durable.
#[tokio::test]
async fn as_the_other_process() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let locked = store(Path::new(&dir)).lock(&holder("mprov apply")).expect("the lock");
    let say = |what: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{LINE}{what}").and_then(|()| out.flush()).expect("the parent listens");
    };
    say("locked");
    loop {
        let next = locked.state().expect("readable").map_or(0, |s| s.resources.len());
        let header = Header::new("0.1.0", "digest", holder("mprov apply"));
        let journal = locked.begin(header).expect("a journal");
        let steps = (next..next + 3).map(|n| {
            let (journal, step, address) = (&journal, n as u32, format!("core_value.a[{n}]"));
            async move {
                let instance =
                    StoredInstance::new("core", 1, RawJson::from_json(&serde_json::json!({ "n": n })));
                let intent = Intent::new(step, &*address, Action::Create, "t", Some(instance.clone()));
                journal.append(Record::Intent(intent)).await.expect("durable");
                let outcome = Outcome { step, result: StepResult::Put(instance) };
                journal.append(Record::Outcome(outcome)).await.expect("durable");
                say(&address);
            }
        });
        for step in steps {
            step.await;
        }
        locked.fold(journal).expect("folding");
    }
}

struct Other {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Started, and holding the lock.
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "as_the_other_process", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut other = Self { process, lines };
        assert_eq!(other.next().as_deref(), Some("locked"));
        other
    }

    /// What it said next; none when it is dead.
    fn next(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.expect("text");
            // The test harness prints the test's name on the same line.
            if let Some((_, said)) = line.split_once(LINE) {
                return Some(said.to_owned());
            }
        }
    }

    /// kill -9, and what it had said until then.
    fn kill(&mut self) -> Vec<String> {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is dead");
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_lock_is_refused_while_the_other_lives_and_free_when_it_is_dead() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut other = Other::start(dir.path());
    match store(dir.path()).lock(&holder("mprov destroy")) {
        Err(StateError::Locked { holder: Some(named), .. }) => {
            assert_eq!((named.pid, &*named.command), (other.process.id(), "mprov apply"));
        }
        unexpected => panic!("{unexpected:?}"),
    }
    // Reading needs no lock.
    store(dir.path()).state().expect("readable");
    other.kill();
    store(dir.path()).lock(&holder("mprov destroy")).expect("the dead hold no lock");
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..25_u64 {
        let mut other = Other::start(dir.path());
        // Some are killed after a number of steps, some after a time, so that folds are hit too.
        match round % 2 {
            0 => acknowledged.extend((0..round / 2).filter_map(|_| other.next())),
            _ => std::thread::sleep(Duration::from_micros(round * round * 61)),
        }
        acknowledged.extend(other.kill());

        let locked = store(dir.path()).lock(&holder("mprov apply")).expect("the dead hold no lock");
        if let Some(journal) = locked.resume().expect("readable after a kill") {
            for doubt in journal.in_doubt() {
                let result = StepResult::Put(doubt.planned.expect("a create has one"));
                journal.append(Record::Outcome(Outcome { step: doubt.step, result })).await.expect("durable");
            }
            locked.fold(journal).expect("folding");
        }
        let Some(state) = locked.state().expect("readable") else {
            assert!(acknowledged.is_empty());
            continue;
        };
        for address in &acknowledged {
            assert!(state.resources.contains_key(address), "round {round}: {address} is forgotten");
        }
    }
    assert!(acknowledged.len() > 60, "only {} steps were taken", acknowledged.len());
}
