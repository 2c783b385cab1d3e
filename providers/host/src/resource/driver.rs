use mprov_sdk::{Call, CancellationToken, Events, ExecRequest, Fault, Silent};

use tokio::sync::Mutex;

use super::command::TOKEN_VARIABLE;
use super::directory::refuse_mounts;
use crate::connection::{Connection, EntryKind};
use crate::fault::cannot;
use crate::path::beside;

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

    pub fn clones_at_once(self) -> bool {
        self == Self::Btrfs
    }

    /// The best that works in that directory: each is tried, nothing is left behind.
    pub async fn probe(connection: &dyn Connection, directory: &str) -> Result<Self, Fault> {
        if Self::Btrfs.works(connection, directory).await?.is_ok() {
            return Ok(Self::Btrfs);
        }
        match Self::Reflink.works(connection, directory).await? {
            Ok(()) => Ok(Self::Reflink),
            Err(_) => Ok(Self::Copy),
        }
    }

    /// Whether it works in that directory, or why not.
    pub async fn works(
        self,
        connection: &dyn Connection,
        directory: &str,
    ) -> Result<Result<(), String>, Fault> {
        match self {
            Self::Btrfs => try_subvolume(connection, directory).await,
            Self::Reflink => {
                let shares = connection.shares_data(directory).await;
                let shares = shares.map_err(cannot("try to clone a file in", directory))?;
                Ok(if shares { Ok(()) } else { Err("the filesystem cannot share data between files".into()) })
            }
            Self::Copy => Ok(Ok(())),
        }
    }

    /// Makes an empty volume.
    pub async fn make(self, connection: &dyn Connection, call: &Call, path: &str) -> Result<(), Fault> {
        match self {
            Self::Btrfs => run(connection, call, ["btrfs", "subvolume", "create", path]).await,
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
                return run(connection, call, ["btrfs", "subvolume", "snapshot", source, path]).await;
            }
            Self::Reflink => "--reflink=always",
            Self::Copy => "--reflink=auto",
        };
        connection.make_dir(path, 0o700).await.map_err(cannot("make the volume", path))?;
        // The content with the directory's own attributes: `source/.` stands for both.
        let content = format!("{source}/.");
        run(connection, call, ["cp", "-a", reflink, "--", &content, path]).await?;
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
        let request = ExecRequest::new(["btrfs", "subvolume", "delete", path]);
        let deleted = connection.exec(request, &Silent, &CancellationToken::new()).await;
        if deleted.is_ok_and(|output| output.success()) {
            return Ok(());
        }
        // Subvolumes inside of it, or no right to delete one: emptied like a directory.
    }
    events.progress(&format!("removing the files in {path}"));
    connection.remove_tree(path).await.map_err(cannot("remove", path))
}

static PROBE: Mutex<()> = Mutex::const_new(());

async fn try_subvolume(connection: &dyn Connection, directory: &str) -> Result<Result<(), String>, Fault> {
    if !connection.is_btrfs(directory).await.map_err(cannot("look at", directory))? {
        return Ok(Err("the filesystem is not btrfs".into()));
    }
    // One name, so that a probe finds what a killed one has left; so one probe at a time.
    let _alone = PROBE.lock().await;
    let probe = beside(&format!("{directory}/probe"), "mprov-probe");
    let request = |what| ExecRequest::new(["btrfs", "subvolume", what, &probe]);
    let quiet = CancellationToken::new();
    let made = match connection.exec(request("create"), &Silent, &quiet).await {
        Ok(output) => output,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let deleted = connection.exec(request("delete"), &Silent, &quiet).await?;
    if !deleted.success() && !made.success() {
        return Ok(Err(made.tail(3)));
    }
    if is_subvolume(connection, &probe).await? {
        // Some mounts let users make subvolumes, but not delete them.
        connection.remove_dir(&probe).await.map_err(cannot("remove", &probe))?;
    }
    Ok(Ok(()))
}

/// Runs a tool of a driver, recognizable as this step's after a crash.
async fn run<const N: usize>(connection: &dyn Connection, call: &Call, argv: [&str; N]) -> Result<(), Fault> {
    let mut request = ExecRequest::new(argv);
    request.env.insert(TOKEN_VARIABLE.to_owned(), call.token.to_string());
    let output = connection.exec(request, call.events.as_ref(), &call.cancel).await?;
    match output.success() {
        true => Ok(()),
        false => {
            let text = output.tail(5);
            let advice = match text.contains("No space left") {
                true => " Free some space or enlarge the filesystem, then apply again.",
                false => "",
            };
            Err(Fault::new(format!("`{}` failed", argv.join(" "))).detail(format!("{text}{advice}")))
        }
    }
}
