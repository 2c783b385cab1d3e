use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::StateError;
use crate::contents::Paths;
use crate::disk::{self, Disk};

/// How many earlier versions of a state are kept.
const KEPT: usize = 20;

/// Keeps the state file that is about to be replaced.
pub(crate) fn keep(disk: &Disk, paths: &Paths, serial: u64) -> Result<(), StateError> {
    let folder = paths.history();
    disk.create_dir(&folder)?;
    let kept = folder.join(format!("{serial}.json"));
    let fresh = disk::suffixed(&kept, ".new");
    disk.remove(&fresh)?;
    if !disk.link(&paths.state(), &fresh)? {
        let text = disk::read(&paths.state())?.unwrap_or_default();
        disk.write(&fresh, &text, 0o644)?;
    }
    disk.rename(&fresh, &kept)?;
    disk.sync_dir(&folder)
}

/// Forgets all but the newest.
pub(crate) fn prune(disk: &Disk, paths: &Paths) -> Result<(), StateError> {
    for (_, path) in list(paths)?.into_iter().skip(KEPT) {
        disk.remove(&path)?;
    }
    Ok(())
}

/// Serials and files of the kept versions, the newest first.
pub(crate) fn list(paths: &Paths) -> Result<Vec<(u64, PathBuf)>, StateError> {
    let folder = paths.history();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StateError::io("read", folder, &e)),
    };
    let mut kept = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| StateError::io("read", &folder, &e))?.path();
        if let Some(serial) = serial(&path) {
            kept.push((serial, path));
        }
    }
    kept.sort_unstable_by(|a, b| b.cmp(a));
    Ok(kept)
}

fn serial(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::disk::Disk;
    use crate::testing::{append_all, header, holder, instance, outputs, store};
    use crate::{Record, State};

    fn apply(dir: &std::path::Path, record: Record) -> State {
        let locked = store(Disk::default(), dir).lock(&holder()).expect("the lock");
        let journal = locked.begin(header()).expect("a journal");
        append_all(&journal, &[record]).expect("appending");
        locked.fold(journal).expect("folding")
    }

    #[test]
    fn the_last_twenty_versions_are_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut states = vec![];
        for n in 1..=25 {
            states.push(apply(dir.path(), outputs(&n.to_string())));
        }
        let store = store(Disk::default(), dir.path());
        let kept = store.versions().expect("readable");
        assert_eq!(kept.iter().map(|(s, _)| *s).collect::<Vec<_>>(), (5..=24).rev().collect::<Vec<_>>());
        assert_eq!(store.version(24).expect("readable").as_ref(), Some(&states[23]));
        assert_eq!(store.version(5).expect("readable").as_ref(), Some(&states[4]));
        assert_eq!(store.version(4).expect("readable"), None);
    }

    #[test]
    fn an_apply_that_changes_nothing_makes_no_version() {
        let dir = tempfile::tempdir().expect("a folder");
        let observed = || Record::Observed { address: "core_value.a".into(), instance: Some(instance("1")) };
        let first = apply(dir.path(), observed());
        let file = std::fs::read(dir.path().join("mprov.state.json")).expect("the state");
        let second = apply(dir.path(), observed());
        assert_eq!(second, first);
        assert_eq!(std::fs::read(dir.path().join("mprov.state.json")).expect("the state"), file);
        assert!(!dir.path().join("mprov.state.journal").exists());
        assert!(store(Disk::default(), dir.path()).versions().expect("readable").is_empty());
    }
}
