use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    Symlink,
    Other,
}

/// What `lstat` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: EntryKind,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    pub inode: u64,
}

/// A file to be put in place in one piece.
#[derive(Clone)]
pub struct NewFile<'a> {
    pub path: &'a str,
    /// Where it is written before it is renamed: in the same folder.
    pub pending: &'a str,
    pub content: &'a [u8],
    pub mode: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// Whether something at the path may be replaced; otherwise that is `AlreadyExists`.
    pub replace: bool,
    /// Extended attribute that the file gets where the filesystem has them.
    pub mark: Option<(&'a str, &'a str)>,
}

/// Bytes of a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What unprivileged users may still use.
    pub free: u64,
}

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where: at the path that was asked for, or below it.
    pub point: String,
    /// Device number, `7:0`; of no device on btrfs.
    pub number: String,
    /// Type of the filesystem.
    pub kind: String,
    /// The device, for filesystems that are on one.
    pub source: String,
}

/// A machine. Paths are absolute and of that machine.
///
/// Errors are those of the operating system: `NotFound`, `AlreadyExists`, `Unsupported` and the
/// like keep their meaning over every kind of connection.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Whether paths of that machine are paths of the machine that mprov runs on.
    fn is_local(&self) -> bool;

    /// Runs a process to its end, in a process group of its own, which is killed when the call is
    /// cancelled or takes too long. The environment is handed over without being shown to other
    /// users of the machine. Output lines are also sent to `events`.
    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault>;

    /// Processes that have this text in their environment.
    async fn processes_with(&self, environment: &str) -> io::Result<Vec<u32>>;

    /// What is at the path, without following a symbolic link there.
    async fn stat(&self, path: &str) -> io::Result<Option<Stat>>;

    /// The content, or none where nothing is.
    async fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// SHA-256 of the content in hexadecimal, or none where nothing is.
    async fn hash(&self, path: &str) -> io::Result<Option<String>>;

    /// Writes to the pending path, syncs, renames, syncs the folder.
    async fn write(&self, file: NewFile<'_>) -> io::Result<()>;

    /// Names in a directory, sorted, at most `limit`.
    async fn list(&self, path: &str, limit: usize) -> io::Result<Vec<String>>;

    /// Makes one directory with exactly that mode. The parent has to be there.
    async fn make_dir(&self, path: &str, mode: u32) -> io::Result<()>;

    /// Renames and syncs the folder. Something at the target is `AlreadyExists`.
    async fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file or symbolic link; that nothing is there is success.
    async fn remove_file(&self, path: &str) -> io::Result<()>;

    /// Removes an empty directory; that nothing is there is success.
    async fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// Removes a directory with all that is in it, without following symbolic links; that nothing
    /// is there is success.
    async fn remove_tree(&self, path: &str) -> io::Result<()>;

    /// Symbolic links are refused.
    async fn set_mode(&self, path: &str, mode: u32) -> io::Result<()>;

    /// Symbolic links are not followed.
    async fn set_owner(&self, path: &str, uid: Option<u32>, gid: Option<u32>) -> io::Result<()>;

    /// An extended attribute; none where the file has none of that name.
    async fn attribute(&self, path: &str, name: &str) -> io::Result<Option<String>>;

    async fn set_attribute(&self, path: &str, name: &str, value: &str) -> io::Result<()>;

    /// Writes everything that the path's filesystem has in memory.
    async fn sync(&self, path: &str) -> io::Result<()>;

    /// Whether a file in the one directory can share its data with a file in the other: tried, and
    /// nothing left behind.
    async fn shares_data(&self, from: &str, to: &str) -> io::Result<bool>;

    /// Whether the directory is on btrfs.
    async fn is_btrfs(&self, directory: &str) -> io::Result<bool>;

    async fn space(&self, path: &str) -> io::Result<Space>;

    /// What is mounted at the path and below, in the order it was mounted.
    async fn mounts_in(&self, path: &str) -> io::Result<Vec<Mount>>;

    /// A socket of the local machine that leads to that Unix socket; it lives as long as the
    /// connection.
    async fn socket(&self, path: &str) -> Result<PathBuf, Fault>;
}
