use mprov_sdk::{Call, Fault};

use crate::connection::{Connection, Mount};
use crate::signature;
use crate::tool::{ask, run, run_to};

/// A type of filesystem that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Btrfs,
    Xfs,
    Ext4,
}

impl Kind {
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Btrfs, Self::Xfs, Self::Ext4].into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        }
    }

    /// Bytes that one needs.
    pub fn smallest(self) -> u64 {
        match self {
            // Below that it cannot be resized.
            Self::Btrfs => 256 << 20,
            Self::Xfs => 300 << 20,
            Self::Ext4 => 16 << 20,
        }
    }

    /// In bytes.
    pub fn longest_label(self) -> usize {
        match self {
            Self::Btrfs => 255,
            Self::Xfs => 12,
            Self::Ext4 => 16,
        }
    }

    /// Makes one on a device or in a file. The tools refuse where something is already.
    pub async fn format(
        self,
        connection: &dyn Connection,
        call: &Call,
        uuid: &str,
        label: Option<&str>,
        target: &str,
    ) -> Result<(), Fault> {
        let identity = format!("uuid={uuid}");
        let mut command = match self {
            Self::Btrfs => vec!["mkfs.btrfs", "-q", "-U", uuid],
            Self::Xfs => vec!["mkfs.xfs", "-q", "-m", &identity, "-m", "reflink=1"],
            // Nothing is kept back for root. Whole blocks, also in one that starts small. The UUID
            // can be changed at once, and nothing is left to be initialized while it is used: that
            // would fill a sparse file.
            Self::Ext4 => vec![
                "mkfs.ext4",
                "-q",
                "-m",
                "0",
                "-b",
                "4096",
                "-O",
                "metadata_csum_seed",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0",
                "-U",
                uuid,
            ],
        };
        command.extend(label.iter().flat_map(|label| ["-L", label]));
        command.push(target);
        run(connection, call, &command).await.map(drop)
    }

    /// Makes a mounted one as large as its device; that it is so already is success.
    pub async fn grow(self, connection: &dyn Connection, call: &Call, mount: &Mount) -> Result<(), Fault> {
        let command: &[&str] = match self {
            Self::Btrfs => &["btrfs", "filesystem", "resize", "max", &mount.point],
            Self::Xfs => &["xfs_growfs", "-d", &mount.point],
            Self::Ext4 => &["resize2fs", &mount.source],
        };
        run(connection, call, command).await.map(drop)
    }

    /// Gives a mounted one another label.
    pub async fn set_label(
        self,
        connection: &dyn Connection,
        call: &Call,
        mount: &Mount,
        label: &str,
    ) -> Result<(), Fault> {
        let to_xfs = format!("label -s {label}");
        let command: &[&str] = match self {
            Self::Btrfs => &["btrfs", "filesystem", "label", &mount.point, label],
            Self::Xfs => &["xfs_io", "-c", &to_xfs, &mount.point],
            Self::Ext4 => &["tune2fs", "-L", label, &mount.source],
        };
        run(connection, call, command).await.map(drop)
    }

    /// Gives another UUID to an unmounted copy, which may have a log that is to be written back
    /// first. Nobody else may use the device meanwhile.
    pub async fn set_uuid(
        self,
        connection: &dyn Connection,
        call: &Call,
        uuid: &str,
        device: &str,
    ) -> Result<(), Fault> {
        match self {
            Self::Btrfs => run(connection, call, &["btrfstune", "-f", "-U", uuid, device]).await.map(drop)?,
            Self::Ext4 => {
                run_to(connection, call, &["e2fsck", "-p", device], 1).await?;
                // Without it the checksums of all metadata are written anew. Some have none.
                drop(ask(connection, &["tune2fs", "-O", "metadata_csum_seed", device]).await);
                run(connection, call, &["tune2fs", "-U", uuid, device]).await?;
            }
            Self::Xfs => {
                // In a mount namespace, which ends with the process whatever happens to it.
                let recover = "mount -t xfs -o nouuid \"$1\" /mnt && umount /mnt";
                let command = ["unshare", "--mount", "sh", "-c", recover, "recover", device];
                run(connection, call, &command).await?;
                run(connection, call, &["xfs_admin", "-U", uuid, device]).await?;
            }
        }
        // Not every tool says that it failed.
        match signature::filesystem(connection, device).await? {
            Some(found) if found.uuid == uuid => Ok(()),
            _ => Err(Fault::new(format!("the filesystem on {device} did not get another UUID"))),
        }
    }

    pub async fn grow_unmounted_ext4(
        connection: &dyn Connection,
        call: &Call,
        device: &str,
    ) -> Result<(), Fault> {
        // It asks for a check right before, which may mend what needs no decision.
        run_to(connection, call, &["e2fsck", "-f", "-p", device], 1).await?;
        run(connection, call, &["resize2fs", device]).await.map(drop)
    }
}
