use mprov_sdk::{Call, Events, Fault};

use tokio::sync::Mutex;

use super::directory::refuse_mounts;
use crate::connection::{Connection, EntryKind};
use crate::fault::cannot;
use crate::path::beside;
use crate::tool::{ask, run};

/// Inode of the root of every btrfs subvolume, and of nothing else on btrfs that is a directory.
const SUBVOLUME_INODE: u64 = 256;

/// How a volume is cloned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// A btrfs subvolume; a clone is a snapshot: atomic, in a moment whatever the size.
    Btrfs,
    /// A directory; a clone shares the data of each file: seconds for many files.
    Reflink,
    /// A directory; a clone copies all data.
    Copy,
}

impl Driver {
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Btrfs, Self::Reflink, Self::Copy].into_iter().find(|d| d.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        }
    }

    /// Whether a clone holds the data of one single instant, also of a volume that is written to.
    pub fn clones_one_instant(self) -> bool {
        self == Self::Btrfs
    }

    /// The best that works in that directory, for a clone of the source where there is one: each
    /// is tried, nothing is left behind.
    pub async fn probe(
        connection: &dyn Connection,
        source: Option<&str>,
        directory: &str,
    ) -> Result<Self, Fault> {
        for driver in [Self::Btrfs, Self::Reflink] {
            if driver.works(connection, source, directory).await?.is_ok() {
                return Ok(driver);
            }
        }
        Ok(Self::Copy)
    }

    /// Whether it works in that directory, or why not.
    pub async fn works(
        self,
        connection: &dyn Connection,
        source: Option<&str>,
        directory: &str,
    ) -> Result<Result<(), String>, Fault> {
        match self {
            Self::Btrfs => {
                if let Some(source) = source
                    && !is_subvolume(connection, source).await?
                {
                    return Ok(Err("what it is a clone of is not a subvolume".into()));
                }
                match try_subvolume(connection, directory).await? {
                    Ok(()) => share_data(connection, source, directory).await,
                    Err(why) => Ok(Err(why)),
                }
            }
            Self::Reflink => share_data(connection, source, directory).await,
            Self::Copy => Ok(Ok(())),
        }
    }

    /// Makes an empty volume.
    pub async fn make(self, connection: &dyn Connection, call: &Call, path: &str) -> Result<(), Fault> {
        match self {
            Self::Btrfs => run(connection, call, &["btrfs", "subvolume", "create", path]).await.map(drop),
            Self::Reflink | Self::Copy => {
                connection.make_dir(path, 0o755).await.map_err(cannot("make the volume", path))
            }
        }
    }

    /// Makes a clone of the volume at `source`, with owners, modes, times and attributes.
    pub async fn clone(
        self,
        connection: &dyn Connection,
        call: &Call,
        source: &str,
        path: &str,
    ) -> Result<(), Fault> {
        let reflink = match self {
            Self::Btrfs => {
                return run(connection, call, &["btrfs", "subvolume", "snapshot", source, path])
                    .await
                    .map(drop);
            }
            Self::Reflink => "--reflink=always",
            Self::Copy => "--reflink=never",
        };
        connection.make_dir(path, 0o700).await.map_err(cannot("make the volume", path))?;
        // The content with the directory's own attributes: `source/.` stands for both.
        let content = format!("{source}/.");
        run(connection, call, &["cp", "-a", reflink, "--", &content, path]).await?;
        // Its name must not be on disk before its data is. A snapshot is a transaction already.
        connection.sync(path).await.map_err(cannot("write to disk", path))
    }
}

/// Whether the directory is the root of a btrfs subvolume.
pub async fn is_subvolume(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    let stat = connection.stat(path).await.map_err(cannot("look at", path))?;
    let root = stat.is_some_and(|s| s.kind == EntryKind::Directory && s.inode == SUBVOLUME_INODE);
    Ok(root && connection.is_btrfs(path).await.map_err(cannot("look at", path))?)
}

/// Removes a volume, finished or not, with all that is in it; that it is gone is success.
pub async fn remove(connection: &dyn Connection, events: &dyn Events, path: &str) -> Result<(), Fault> {
    if connection.stat(path).await.map_err(cannot("look at", path))?.is_none() {
        return Ok(());
    }
    refuse_mounts(connection, path).await?;
    if is_subvolume(connection, path).await? {
        let deleted = ask(connection, &["btrfs", "subvolume", "delete", path]).await;
        if deleted.is_ok_and(|output| output.success()) {
            return Ok(());
        }
        // Subvolumes inside of it, or no right to delete one: emptied like a directory.
    }
    events.progress(&format!("removing the files in {path}"));
    connection.remove_tree(path).await.map_err(cannot("remove", path))
}

/// Whether files of the source, or else of the directory itself, can share their data with files
/// in the directory, or why not.
async fn share_data(
    connection: &dyn Connection,
    source: Option<&str>,
    directory: &str,
) -> Result<Result<(), String>, Fault> {
    let from = source.unwrap_or(directory);
    let shares = connection.shares_data(from, directory).await;
    let why = match shares.map_err(cannot("try to clone a file in", directory))? {
        true => return Ok(Ok(())),
        false if source.is_some() => "files cannot share data with what it is a clone of",
        false => "the filesystem cannot share data between files",
    };
    Ok(Err(why.into()))
}

static PROBE: Mutex<()> = Mutex::const_new(());

async fn try_subvolume(connection: &dyn Connection, directory: &str) -> Result<Result<(), String>, Fault> {
    if !connection.is_btrfs(directory).await.map_err(cannot("look at", directory))? {
        return Ok(Err("the filesystem is not btrfs".into()));
    }
    // One name, so that a probe finds what a killed one has left; so one probe at a time.
    let _alone = PROBE.lock().await;
    let probe = beside(&format!("{directory}/probe"), "mprov-probe");
    let made = match ask(connection, &["btrfs", "subvolume", "create", &probe]).await {
        Ok(output) => output,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let deleted = ask(connection, &["btrfs", "subvolume", "delete", &probe]).await?;
    if !deleted.success() && !made.success() {
        return Ok(Err(made.tail(3)));
    }
    if is_subvolume(connection, &probe).await? {
        // Some mounts let users make subvolumes, but not delete them.
        connection.remove_dir(&probe).await.map_err(cannot("remove", &probe))?;
    }
    Ok(Ok(()))
}
