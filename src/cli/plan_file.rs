use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use mprov_sdk::Diagnostic;

use crate::plan::SavedPlan;
use crate::workspace::Workspace;

use super::failure::Failure;

/// Writes a plan file in one piece: it is whole or not there. Only its owner may read it, as it
/// tells all about the site; its secrets are sealed besides.
pub fn write(path: &Path, saved: &SavedPlan, workspace: &Workspace) -> Result<(), Failure> {
    let text = saved.to_text(workspace.store.keys()).map_err(|error| {
        Diagnostic::error(2064, format!("the plan cannot be saved: {error}"))
            .detail("Nothing was done. The secrets in it could not be sealed.")
    })?;
    whole(path, text.as_bytes()).map_err(|error| {
        Diagnostic::error(2065, format!("the plan cannot be written to {}: {error}", path.display()))
            .detail("Nothing was done. Give a path in a folder that you may write to, with space left.")
            .into()
    })
}

/// Reads a plan file, opening its secrets with the key of the workspace's state.
pub fn read(path: &Path, workspace: &Workspace) -> Result<SavedPlan, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Diagnostic::error(2066, format!("the plan file {} cannot be read: {error}", path.display()))
            .detail("Nothing was done. Make one with mprov plan -out=FILE.")
    })?;
    // The state tells which key the secrets are sealed with.
    workspace.store.state()?;
    Ok(SavedPlan::from_text(&text, &workspace.kinds, workspace.store.keys())?)
}

fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary: PathBuf = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The failure itself is what counts; the leftover may not even exist.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_plan_file_is_for_its_owner_and_replaces_the_one_before() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("plan");
        fs::write(&path, "old").expect("written");
        whole(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"new");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("plan");
        fs::create_dir(&path).expect("made");
        assert!(whole(&path, b"new").is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 1);
    }
}
