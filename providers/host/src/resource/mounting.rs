use std::time::Duration;

use mprov_sdk::{Call, Fault, Object};

use super::directory;
use super::filesystem_kind::Kind;
use crate::connection::{Connection, EntryKind, Mount};
use crate::fault::cannot;
use crate::fstab::{Fstab, escape};
use crate::mark::{self, Mark};
use crate::path::{folder, upwards};
use crate::signature;
use crate::tool::{ask, failed, run};

/// The extended attribute that tells a mount point while nothing is mounted there.
const MOUNT_POINT: &str = "user.mprov.mount_point";

/// What a filesystem is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file: a loop device lends it to the mount, and is given back with it.
    Image(String),
    /// The device that holds the filesystem with that UUID, whatever its name.
    Device { uuid: String },
}

/// A filesystem and where it is to be mounted, now and at every boot.
///
/// The mount point is made immutable, so that nobody fills it while nothing is mounted there.
pub struct Mounting<'a> {
    pub connection: &'a dyn Connection,
    pub fstab: &'a Fstab,
    pub source: Source,
    pub path: &'a str,
    pub kind: Kind,
    pub options: Vec<String>,
    /// Whether it is to be mounted at boot.
    pub persist: bool,
}

impl Mounting<'_> {
    /// The mount at the path, if it is this filesystem's.
    pub async fn current(&self) -> Result<Option<Mount>, Fault> {
        match at(self.connection, self.path).await? {
            Some(mount) if self.is_of(&mount).await? => Ok(Some(mount)),
            _ => Ok(None),
        }
    }

    /// Whether it will be mounted at boot as it is now.
    pub async fn in_fstab(&self) -> Result<bool, Fault> {
        self.fstab.has(self.connection, &self.line()).await
    }

    /// Mounts it, if it is not mounted, and sees to it for the next boot. Any number of times.
    pub async fn establish(&self, call: &Call) -> Result<Mount, Fault> {
        if self.current().await?.is_none() {
            if let Some(other) = at(self.connection, self.path).await? {
                return Err(Fault::new(format!("{} is mounted at {} already", other.source, self.path))
                    .detail("Unmount it, or choose another path."));
            }
            self.make_mount_point(&call.token).await?;
            let options = self.mount_options().join(",");
            let source = match &self.source {
                Source::Image(image) => image.clone(),
                Source::Device { uuid } => format!("UUID={uuid}"),
            };
            run(
                self.connection,
                call,
                &["mount", "-t", self.kind.name(), "-o", &options, &source, self.path],
            )
            .await?;
        }
        let line = self.line();
        self.fstab.set(self.connection, self.path, self.persist.then_some(line.as_str())).await?;
        self.current().await?.ok_or_else(|| {
            Fault::new(format!("{} was mounted and is not there any more", self.path))
                .detail("Something else unmounts it: systemd does where a unit of that name exists.")
        })
    }

    /// Lets the options hold for what is mounted; some of them the kernel takes at a mount only.
    pub async fn remount(&self, call: &Call, mount: &Mount) -> Result<(), Fault> {
        let mut options = vec!["remount".to_owned()];
        options.extend(self.options.iter().cloned());
        // With the source, the options before and those of the table do not count.
        let command = ["mount", "-o", &options.join(","), &mount.source, self.path];
        run(self.connection, call, &command).await.map(drop)
    }

    /// Makes it as large as what it is on; that it is so already is success. Returns the mount that
    /// there is afterwards: its loop device may be another.
    pub async fn fill_device(&self, call: &Call, mount: Mount) -> Result<Mount, Fault> {
        let connection = self.connection;
        if mount.source.starts_with("/dev/loop") {
            // A loop device does not notice by itself that its file has grown.
            run(connection, call, &["losetup", "--set-capacity", &mount.source]).await?;
        }
        let Err(fault) = self.kind.grow(connection, call, &mount).await else { return Ok(mount) };
        // The kernel lets only those grow a mounted ext4 who may exceed every limit, and some
        // machines give that right to nobody.
        if self.kind != Kind::Ext4 || !fault.detail.contains("Permission denied") {
            return Err(fault);
        }
        unmount(connection, call, self.path).await?;
        let grown = self.grow_unmounted(call, &mount).await;
        let mount = self.establish(call).await?;
        grown.map(|()| mount)
    }

    async fn grow_unmounted(&self, call: &Call, was: &Mount) -> Result<(), Fault> {
        let device = match &self.source {
            Source::Image(image) => {
                // A container keeps a mount of its own, which cannot be seen from here.
                if !given_back(self.connection, image).await? {
                    return Err(Fault::new(format!("{} cannot grow: a container uses it", self.path))
                        .detail("Stop the containers that mount it and apply again."));
                }
                image
            }
            // The tools refuse a device that is mounted anywhere.
            Source::Device { .. } => &was.source,
        };
        Kind::grow_unmounted_ext4(self.connection, call, device).await
    }

    /// Unmounts it, for now and for the next boot, and removes the mount point if mprov made it.
    pub async fn take_down(&self, call: &Call) -> Result<(), Fault> {
        refuse_below(self.connection, self.path).await?;
        self.fstab.set(self.connection, self.path, None).await?;
        while self.current().await?.is_some() {
            unmount(self.connection, call, self.path).await?;
        }
        if let Source::Image(image) = &self.source {
            // Until then what the image is in cannot be unmounted. A container's mount may keep it.
            given_back(self.connection, image).await?;
        }
        match at(self.connection, self.path).await? {
            // Somebody else's: the mount point is below it.
            Some(_) => Ok(()),
            None => self.remove_mount_point().await,
        }
    }

    async fn is_of(&self, mount: &Mount) -> Result<bool, Fault> {
        match &self.source {
            Source::Image(image) => Ok(loops_of(self.connection, image).await?.contains(&mount.source)),
            Source::Device { uuid } => {
                if !mount.source.starts_with('/') {
                    return Ok(false);
                }
                let found = signature::filesystem(self.connection, &mount.source).await?;
                Ok(found.is_some_and(|found| found.uuid == *uuid))
            }
        }
    }

    fn mount_options(&self) -> Vec<String> {
        let device = matches!(self.source, Source::Image(_)).then(|| "loop".to_owned());
        let options: Vec<String> = device.into_iter().chain(self.options.iter().cloned()).collect();
        if options.is_empty() { vec!["defaults".to_owned()] } else { options }
    }

    fn line(&self) -> String {
        let (source, pass) = match &self.source {
            Source::Image(image) => (escape(image), 0),
            Source::Device { uuid } => (format!("UUID={uuid}"), if self.kind == Kind::Ext4 { 2 } else { 0 }),
        };
        let mut options = self.mount_options();
        // A boot that stops because of a volume helps nobody.
        options.push("nofail".to_owned());
        let (path, options) = (escape(self.path), escape(&options.join(",")));
        format!("{source} {path} {} {options} 0 {pass}", self.kind.name())
    }

    async fn make_mount_point(&self, token: &str) -> Result<(), Fault> {
        let (connection, path) = (self.connection, self.path);
        match connection.stat(path).await.map_err(cannot("look at", path))?.map(|stat| stat.kind) {
            None => directory::make(connection, path, token, 0).await?,
            Some(EntryKind::Directory) => {
                let names = connection.list(path, 3).await.map_err(cannot("list", path))?;
                if !names.is_empty() {
                    return Err(Fault::new(format!("{path} is not empty")).detail(format!(
                        "A mount would hide what is in it: {}. Move that away.",
                        names.join(", ")
                    )));
                }
            }
            Some(_) => {
                return Err(Fault::new(format!("{path} is not a directory"))
                    .detail("Move away what is there, or choose another path."));
            }
        }
        // Some filesystems can do neither.
        drop(connection.set_attribute(path, MOUNT_POINT, "yes").await);
        drop(ask(connection, &["chattr", "+i", "--", path]).await);
        Ok(())
    }

    async fn remove_mount_point(&self) -> Result<(), Fault> {
        let (connection, path) = (self.connection, self.path);
        if connection.stat(path).await.map_err(cannot("look at", path))?.is_none() {
            return Ok(());
        }
        drop(ask(connection, &["chattr", "-i", "--", path]).await);
        drop(connection.set_attribute(path, MOUNT_POINT, "no").await);
        if !matches!(mark::get(connection, path).await?, Some(Mark::Made(_))) {
            return Ok(());
        }
        connection.remove_dir(path).await.map_err(cannot("remove the mount point", path))?;
        mark::clear(connection, path).await
    }
}

/// What a read says of something that is not there: that it is gone, or as it was recorded where it
/// lies in what is not mounted now, and will be there when that is mounted again.
pub async fn hidden_or_gone(
    connection: &dyn Connection,
    path: &str,
    stored: &Object,
) -> Result<Option<Object>, Fault> {
    Ok(is_hidden(connection, path).await?.then(|| stored.clone()))
}

/// Whether something on the way to the path is a mount point of mprov's where nothing is mounted.
pub async fn is_hidden(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    for folder in upwards(folder(path)) {
        if is_empty_mount_point(connection, folder).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the path is a mount point of mprov's where nothing is mounted.
pub async fn is_empty_mount_point(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    let marked = connection.attribute(path, MOUNT_POINT).await.ok().flatten();
    Ok(marked.as_deref() == Some("yes") && at(connection, path).await?.is_none())
}

/// What is mounted at the path itself, the topmost.
pub async fn at(connection: &dyn Connection, path: &str) -> Result<Option<Mount>, Fault> {
    Ok(mounts(connection, path).await?.into_iter().rfind(|mount| mount.point == path))
}

async fn mounts(connection: &dyn Connection, path: &str) -> Result<Vec<Mount>, Fault> {
    match connection.mounts_in(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(cannot("look for mounts in", path)),
    }
}

/// What is mounted in a filesystem keeps it from being unmounted, and belongs to somebody else.
async fn refuse_below(connection: &dyn Connection, path: &str) -> Result<(), Fault> {
    let mounts = mounts(connection, path).await?;
    let below: Vec<&str> = mounts.iter().map(|m| m.point.as_str()).filter(|point| *point != path).collect();
    match below.is_empty() {
        true => Ok(()),
        false => Err(Fault::new(format!("{path} cannot be unmounted: something is mounted in it"))
            .detail(format!("Unmount {} first.", below.join(", ")))),
    }
}

pub async fn unmount(connection: &dyn Connection, call: &Call, path: &str) -> Result<(), Fault> {
    run(connection, call, &["umount", "--", path]).await.map(drop).map_err(|fault| {
        match fault.detail.contains("busy") {
            true => Fault::new(format!("{path} cannot be unmounted: it is in use"))
                .detail(format!("Stop what uses it (`fuser -vm {path}` tells) and apply again.")),
            false => fault,
        }
    })
}

/// Whether no loop device has the image any more. The kernel gives one back soon after nobody uses
/// it any more, and some have a quick look at every device that changes.
async fn given_back(connection: &dyn Connection, image: &str) -> Result<bool, Fault> {
    for _ in 0..100 {
        if loops_of(connection, image).await?.is_empty() {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

/// The loop devices that an image is lent to.
async fn loops_of(connection: &dyn Connection, image: &str) -> Result<Vec<String>, Fault> {
    let command = ["losetup", "--associated", image, "--noheadings", "--output", "NAME"];
    let output = ask(connection, &command).await?;
    match output.success() {
        true => Ok(output.stdout_text().split_whitespace().map(str::to_owned).collect()),
        false => Err(failed(&command.join(" "), &output)),
    }
}

/// The file behind a mount, where it is an image's: one whose loop device goes with the mount.
pub async fn image_behind(connection: &dyn Connection, mount: &Mount) -> Result<Option<String>, Fault> {
    if !mount.source.starts_with("/dev/loop") {
        return Ok(None);
    }
    let columns = ["--noheadings", "--raw", "--output", "AUTOCLEAR,BACK-FILE"];
    let command = [&["losetup", "--list"][..], &columns, &[&mount.source]].concat();
    let output = ask(connection, &command).await?;
    if !output.success() {
        return Err(failed(&command.join(" "), &output));
    }
    Ok(output.stdout_text().trim().strip_prefix("1 ").map(signature::decode))
}
