use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::StateError;
use crate::disk::{self, Disk};

/// Who holds the lock, or wrote a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub user: String,
    pub host: String,
    /// `mprov apply`, without any arguments that could hold a secret.
    pub command: String,
    /// RFC 3339, UTC.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, user, host, command, since } = self;
        write!(f, "\"{command}\" of {user} on {host} (process {pid}), since {since}")
    }
}

/// The lock, held. The system releases it with the death of the process at the latest.
#[derive(Debug)]
pub(crate) struct Lock {
    // Closing the file releases the lock, so it must outlive the removal of the description.
    file: File,
    description: PathBuf,
}

impl Lock {
    /// Takes the lock or says at once who has it.
    pub fn take(disk: &Disk, path: &Path, holder: &Holder) -> Result<Self, StateError> {
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = open().map_err(|e| StateError::io("open", path, &e))?;
        let description = disk::suffixed(path, ".holder");
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Locked { path: path.to_owned(), holder: read_holder(&description) });
            }
            Err(TryLockError::Error(e)) => return Err(StateError::io("lock", path, &e)),
        }
        let lock = Self { file, description };
        let text = serde_json::to_vec(holder).expect("a holder is plain text");
        let fresh = disk::suffixed(&lock.description, ".new");
        disk.write(&fresh, &text, 0o644)?;
        disk.rename(&fresh, &lock.description)?;
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Failing to remove the description only leaves words that nobody reads while the lock is
        // free.
        let _ = std::fs::remove_file(&self.description);
        // Closing would do, but a child that is just being started may still have the file open.
        let _ = self.file.unlock();
    }
}

fn read_holder(path: &Path) -> Option<Box<Holder>> {
    let text = disk::read(path).ok()??;
    serde_json::from_slice(&text).ok().map(Box::new)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::{header, holder, store};

    fn refusal(dir: &Path) -> Option<Box<Holder>> {
        match store(Disk::default(), dir).lock(&holder()).expect_err("it is held") {
            StateError::Locked { holder, .. } => holder,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_second_taker_learns_who_was_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = store(Disk::default(), dir.path());
        let first = Holder { command: "mprov destroy".into(), ..holder() };
        let locked = store.lock(&first).expect("the lock");
        assert_eq!(refusal(dir.path()).as_deref(), Some(&first));
        let error = store.lock(&holder()).expect_err("it is held");
        assert!(error.is_locked());
        assert!(
            error.advice().contains("\"mprov destroy\" of moodle on vm1 (process 4711)"),
            "{}",
            error.advice()
        );
        drop(locked);
        store.lock(&holder()).expect("it is free again");
    }

    #[test]
    fn a_missing_or_garbled_description_is_no_reason_to_fail() {
        let dir = tempfile::tempdir().expect("a folder");
        let _locked = store(Disk::default(), dir.path()).lock(&holder()).expect("the lock");
        let description = dir.path().join(".mprov/lock.holder");
        for garbled in [&b"{"[..], b"", b"\xff\xfe", b"{\"pid\":1}"] {
            fs::write(&description, garbled).expect("writing");
            assert_eq!(refusal(dir.path()), None);
        }
        fs::remove_file(&description).expect("removing");
        assert_eq!(refusal(dir.path()), None);
        let error = store(Disk::default(), dir.path()).lock(&holder()).expect_err("it is held");
        assert!(error.advice().contains("not known"), "{}", error.advice());
    }

    #[test]
    fn a_journal_keeps_the_lock_of_the_guard_it_came_from() {
        let dir = tempfile::tempdir().expect("a folder");
        let locked = store(Disk::default(), dir.path()).lock(&holder()).expect("the lock");
        let journal = locked.begin(header()).expect("a journal");
        drop(locked);
        refusal(dir.path());
        drop(journal);
        store(Disk::default(), dir.path()).lock(&holder()).expect("it is free again");
    }
}
