//! Somebody who looks at everything that others on the machine can see, while an apply runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(30);

/// Texts by where they were seen.
pub type Seen = BTreeMap<String, BTreeSet<Vec<u8>>>;

pub struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Witness {
    /// Looks at arguments and environments of all processes, those in containers included, and at
    /// the files below the folder: the journal is gone when the apply ends.
    pub fn start(folder: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::new();
            while !stopped.load(Ordering::Relaxed) {
                processes(&mut seen);
                files(&folder, &mut seen);
                std::thread::sleep(INTERVAL);
            }
            seen
        });
        Self { stop, thread }
    }

    pub fn seen(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the witness looks and does not panic")
    }
}

fn processes(seen: &mut Seen) {
    let processes = fs::read_dir("/proc").expect("/proc is mounted");
    for process in processes.flatten().filter(|p| p.file_name().to_string_lossy().parse::<u32>().is_ok()) {
        for what in ["cmdline", "environ"] {
            // It may have ended meanwhile.
            let Ok(text) = fs::read(process.path().join(what)) else { continue };
            seen.entry(format!("/proc/*/{what}")).or_default().insert(text);
        }
    }
}

/// Every state that the files below a folder are seen in.
pub fn files(folder: &Path, seen: &mut Seen) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().map(|e| e.path()) {
        if entry.is_dir() {
            files(&entry, seen);
        } else if let Ok(text) = fs::read(&entry) {
            seen.entry(entry.display().to_string()).or_default().insert(text);
        }
    }
}
