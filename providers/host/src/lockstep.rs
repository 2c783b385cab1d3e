//! A writer whose files tell whether a clone of them is of one instant.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Writes the same number into one file and then into another, each on disk before the next.
pub struct LockStep {
    folder: PathBuf,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LockStep {
    pub fn start(folder: &Path) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let files = ["first", "second"].map(|name| fs::File::create(folder.join(name)).unwrap());
        let thread = std::thread::spawn({
            let (stop, written) = (stop.clone(), written.clone());
            move || {
                for number in 1.. {
                    for file in &files {
                        file.write_all_at(&u64::to_le_bytes(number), 0).unwrap();
                        file.sync_data().unwrap();
                    }
                    written.store(number, Ordering::Relaxed);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        });
        Self { folder: folder.to_owned(), stop, written, thread: Some(thread) }
    }

    pub fn wait_for(&self, more: u64) -> u64 {
        let target = self.written.load(Ordering::Relaxed) + more;
        assert!(wait(Duration::from_secs(60), || self.written.load(Ordering::Relaxed) >= target));
        self.written.load(Ordering::Relaxed)
    }

    /// What a clone holds, which was made while the writer went from the one number to the other.
    pub fn assert_one_instant(&self, clone: &Path, before: u64, after: u64) {
        let [first, second] = ["first", "second"].map(|file| {
            let bytes = fs::read(clone.join(file)).unwrap();
            u64::from_le_bytes(bytes.try_into().unwrap())
        });
        assert!(first == second || first == second + 1, "{first} and {second}");
        assert!(before <= first && first <= after + 1, "{before} <= {first} <= {after}");
    }
}

impl Drop for LockStep {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A test that failed may have left it frozen: the writer would wait for ever.
        drop(Command::new("fsfreeze").arg("--unfreeze").arg(&self.folder).output());
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

pub fn wait(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    done()
}
