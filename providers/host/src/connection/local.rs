use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault};

use super::api::{Connection, Mount, NewFile, Space, Stat};
use super::files;
use super::process::run;
use crate::ownership::{Account, resolve};

/// The machine that mprov runs on.
pub struct Local;

/// File operations wait for disks: they run where waiting does not hold up other calls.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

macro_rules! on_disk {
    ($operation:ident, $path:expr $(, $argument:expr)*) => {{
        let path = $path.to_owned();
        blocking(move || files::$operation(&path $(, $argument)*)).await
    }};
}

#[async_trait]
impl Connection for Local {
    fn is_local(&self) -> bool {
        true
    }

    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        let ids = match &request.user {
            Some(user) => {
                let uid = resolve(self, Account::User, user).await?;
                Some((uid, primary_group(self, user, uid).await?))
            }
            None => None,
        };
        run(request, ids, events, cancel).await
    }

    async fn processes_with(&self, environment: &str) -> io::Result<Vec<u32>> {
        on_disk!(processes_with, environment)
    }

    async fn stat(&self, path: &str) -> io::Result<Option<Stat>> {
        on_disk!(stat, path)
    }

    async fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        on_disk!(read, path)
    }

    async fn hash(&self, path: &str) -> io::Result<Option<String>> {
        on_disk!(hash, path)
    }

    async fn write(&self, file: NewFile<'_>) -> io::Result<()> {
        let owned = files::OwnedFile {
            path: file.path.to_owned(),
            pending: file.pending.to_owned(),
            content: file.content.to_vec(),
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            replace: file.replace,
            mark: file.mark.map(|(name, value)| (name.to_owned(), value.to_owned())),
        };
        blocking(move || files::write(&owned)).await
    }

    async fn list(&self, path: &str, limit: usize) -> io::Result<Vec<String>> {
        on_disk!(list, path, limit)
    }

    async fn make_dir(&self, path: &str, mode: u32) -> io::Result<()> {
        on_disk!(make_dir, path, mode)
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = to.to_owned();
        on_disk!(rename, from, &to)
    }

    async fn remove_file(&self, path: &str) -> io::Result<()> {
        on_disk!(remove_file, path)
    }

    async fn remove_dir(&self, path: &str) -> io::Result<()> {
        on_disk!(remove_dir, path)
    }

    async fn remove_tree(&self, path: &str) -> io::Result<()> {
        on_disk!(remove_tree, path)
    }

    async fn set_mode(&self, path: &str, mode: u32) -> io::Result<()> {
        on_disk!(set_mode, path, mode)
    }

    async fn set_owner(&self, path: &str, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        on_disk!(set_owner, path, uid, gid)
    }

    async fn attribute(&self, path: &str, name: &str) -> io::Result<Option<String>> {
        let name = name.to_owned();
        on_disk!(attribute, path, &name)
    }

    async fn set_attribute(&self, path: &str, name: &str, value: &str) -> io::Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        on_disk!(set_attribute, path, &name, &value)
    }

    async fn sync(&self, path: &str) -> io::Result<()> {
        on_disk!(sync, path)
    }

    async fn shares_data(&self, from: &str, to: &str) -> io::Result<bool> {
        let to = to.to_owned();
        on_disk!(shares_data, from, &to)
    }

    async fn is_btrfs(&self, directory: &str) -> io::Result<bool> {
        on_disk!(is_btrfs, directory)
    }

    async fn space(&self, path: &str) -> io::Result<Space> {
        on_disk!(space, path)
    }

    async fn mounts_in(&self, path: &str) -> io::Result<Vec<Mount>> {
        on_disk!(mounts_in, path)
    }

    async fn socket(&self, path: &str) -> Result<PathBuf, Fault> {
        Ok(path.into())
    }
}

/// The group that the user's processes start in; one with the user's number where none is known.
async fn primary_group(connection: &Local, user: &str, uid: u32) -> Result<u32, Fault> {
    let table = connection.read("/etc/passwd").await.ok().flatten().unwrap_or_default();
    let table = String::from_utf8_lossy(&table).into_owned();
    let rows = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let row =
        rows.into_iter().find(|row| row.first() == Some(&user) || row.get(2) == Some(&&*uid.to_string()));
    Ok(row.and_then(|row| row.get(3)?.parse().ok()).unwrap_or(uid))
}
