use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::line;
use crate::disk::Disk;
use crate::fold::Fold;
use crate::lock::Lock;
use crate::{Header, InDoubt, Record, State, StateError};

/// What one write and one fsync take together at most, in bytes.
const BATCH: usize = 1 << 20;

type Result<T> = std::result::Result<T, StateError>;

/// The writing end of the journal. Comes from [`crate::Locked`] and keeps its lock; ends by
/// [`crate::Locked::fold`], or by being dropped, which leaves the apply pending.
pub struct Journal {
    shared: Mutex<Shared>,
    id: String,
    mprov_version: String,
}

struct Shared {
    fold: Fold,
    /// None once the journal is closed.
    queue: Option<Sender<Queued>>,
    writer: Option<JoinHandle<Result<()>>>,
}

struct Queued {
    body: Vec<u8>,
    durable: oneshot::Sender<Result<()>>,
}

/// What a journal leaves when it is closed.
pub(crate) struct Closed {
    pub fold: Fold,
    pub id: String,
    pub mprov_version: String,
}

/// The part that lives on the writing thread.
struct Tail {
    disk: Disk,
    file: File,
    path: PathBuf,
    /// Number of records in the file, all of them durable between two batches.
    written: u64,
    // Nobody else may write before the last batch is through.
    _lock: Arc<Lock>,
}

/// Where a journal is continued.
pub(crate) struct Start {
    pub disk: Disk,
    pub file: File,
    pub path: PathBuf,
    pub written: u64,
    pub lock: Arc<Lock>,
    pub fold: Fold,
    pub id: String,
    pub mprov_version: String,
}

impl Journal {
    pub(crate) fn start(start: Start) -> Result<Self> {
        let Start { disk, file, path, written, lock, fold, id, mprov_version } = start;
        let (queue, queued) = mpsc::channel();
        let spawned_path = path.clone();
        let tail = Tail { disk, file, path, written, _lock: lock };
        let writer = thread::Builder::new()
            .name("journal".into())
            .spawn(move || tail.run(&queued))
            .map_err(|e| StateError::io("start the writer of", spawned_path, &e))?;
        let shared = Shared { fold, queue: Some(queue), writer: Some(writer) };
        Ok(Self { shared: Mutex::new(shared), id, mprov_version })
    }

    /// Appends the record. It takes its place at once, in the order of the calls; the future ends
    /// when it is durable. Records that wait at the same time share one fsync.
    ///
    /// A record that makes no sense (an outcome without its intent) is refused and not written.
    /// After any other error nothing more can be appended.
    pub fn append(&self, record: Record) -> impl Future<Output = Result<()>> + Send + use<> {
        let receipt = self.enqueue(record);
        async move {
            match receipt?.await {
                Ok(result) => result,
                Err(_) => Err(ended()),
            }
        }
    }

    /// The state with every record so far, durable or on its way.
    pub fn applied(&self) -> State {
        self.shared().fold.state().clone()
    }

    /// Begun steps without outcome.
    pub fn in_doubt(&self) -> Vec<InDoubt> {
        self.shared().fold.in_doubt()
    }

    fn enqueue(&self, record: Record) -> Result<oneshot::Receiver<Result<()>>> {
        let body = line::body(&record);
        let (durable, receipt) = oneshot::channel();
        let mut shared = self.shared();
        // Checked and queued under one lock: the file has the order of the checks.
        shared.fold.apply(record).map_err(|reason| StateError::Refused { reason })?;
        let queue = shared.queue.as_ref().ok_or_else(ended)?;
        queue.send(Queued { body, durable }).map_err(|_| ended())?;
        Ok(receipt)
    }

    /// Waits for everything that was appended.
    pub(crate) fn close(self) -> Result<Closed> {
        let id = self.id.clone();
        let mprov_version = self.mprov_version.clone();
        let mut shared = self.shared();
        shared.finish()?;
        let empty = Fold::new(State::new(""));
        let fold = std::mem::replace(&mut shared.fold, empty);
        Ok(Closed { fold, id, mprov_version })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Those who wait for a record were told of the failure.
        let _ = self.shared().finish();
    }
}

impl Shared {
    fn finish(&mut self) -> Result<()> {
        self.queue = None;
        match self.writer.take() {
            Some(writer) => writer.join().unwrap_or_else(|_| Err(ended())),
            None => Ok(()),
        }
    }
}

impl Tail {
    /// Writes what comes until nobody can send any more, or until the first failure: what the
    /// disk holds after a failed fsync is unknown, so there is no second try.
    fn run(mut self, queued: &Receiver<Queued>) -> Result<()> {
        let mut failed = None;
        while let Ok(first) = queued.recv() {
            let batch = Self::gather(first, queued);
            if failed.is_none() {
                failed = self.write(&batch).err();
            }
            for record in batch {
                // Nobody may be waiting for it any more.
                let _ = record.durable.send(failed.clone().map_or(Ok(()), Err));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn gather(first: Queued, queued: &Receiver<Queued>) -> Vec<Queued> {
        let mut size = first.body.len();
        let mut batch = vec![first];
        while size < BATCH
            && let Ok(next) = queued.try_recv()
        {
            size += next.body.len();
            batch.push(next);
        }
        batch
    }

    fn write(&mut self, batch: &[Queued]) -> Result<()> {
        let durable = self.written;
        let mut lines = Vec::new();
        for (record, seq) in batch.iter().zip(durable..) {
            line::write(&mut lines, seq, durable, &record.body);
        }
        self.disk.write_all(&mut self.file, &self.path, &lines)?;
        self.disk.sync(&self.file, &self.path)?;
        self.written += batch.len() as u64;
        Ok(())
    }
}

/// Writes the first record, durable when this returns, and returns the journal's id.
pub(crate) fn write_header(disk: &Disk, file: &mut File, path: &Path, header: Header) -> Result<String> {
    let mut text = Vec::new();
    let id = line::write(&mut text, 0, 0, &line::body(&Record::Header(header)));
    disk.write_all(file, path, &text)?;
    disk.sync(file, path)?;
    Ok(id)
}

fn ended() -> StateError {
    StateError::Refused { reason: "the journal's writer has ended".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fuse::Fuse;
    use crate::testing::{create, holder, wait};

    #[test]
    fn records_that_wait_together_share_an_fsync() {
        let dir = tempfile::tempdir().expect("a folder");
        let fuse = Fuse::default();
        let disk = Disk { fuse: fuse.clone() };
        let path = dir.path().join("journal");
        let file = disk.create_new(&path).expect("a file");
        let lock = Arc::new(Lock::take(&disk, &dir.path().join("lock"), &holder()).expect("the lock"));
        let (queue, queued) = mpsc::channel();
        let mut receipts = Vec::new();
        for step in 0..500 {
            let (durable, receipt) = oneshot::channel();
            let body = line::body(&create(step, "core_value.a", "x"));
            queue.send(Queued { body, durable }).expect("the receiver is here");
            receipts.push(receipt);
        }
        drop(queue);
        Tail { disk, file, path, written: 0, _lock: lock }.run(&queued).expect("writing");
        assert_eq!(fuse.trace().iter().filter(|t| *t == "sync journal").count(), 1);
        for receipt in receipts {
            wait(receipt).expect("an answer").expect("durable");
        }
    }
}
