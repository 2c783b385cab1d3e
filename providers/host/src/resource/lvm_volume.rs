use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Usage};

use super::filesystem_kind::Kind;
use super::image::refuse_smaller;
use super::lvm::{self, LogicalVolume, Volumes};
use super::mounted_volume;
use super::mounting::{Mounting, Source};
use super::volume_place::{self, Place, refuse_taken};
use crate::connection::Connection;
use crate::fstab::Fstab;
use crate::path::manageable;
use crate::room::LITTLE;
use crate::tool::none_running;
use crate::{ownership, parents, signature, size, uuid};

/// The driver's name.
pub const LVM: &str = "lvm";

/// A volume that is a thin volume of LVM with a filesystem of its own, mounted at its path.
///
/// It bears the step that made it from the moment it is there, and a second mark once it is
/// complete: nothing is ever in one that is not. A clone is of one instant and outlives its source.
pub struct LvmVolume {
    pub connection: Arc<dyn Connection>,
    pub fstab: Fstab,
}

/// What a volume is to be made of.
struct Making {
    /// `vg0/thin`
    pool: String,
    source: Option<LogicalVolume>,
    kind: Kind,
    bytes: u64,
}

#[async_trait]
impl Resource for LvmVolume {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        let Some(path) = config["path"].as_str() else { return Ok(config) };
        // A pool that this plan makes is not there yet.
        if config["pool"].is_unknown() || config["size"].is_unknown() {
            return Ok(config);
        }
        let path = manageable(&call.base_dir, path)?;
        let volumes = Volumes::list(self.connection.as_ref()).await?;
        if let Some(volume) = volumes.at(self.connection.as_ref(), &path).await? {
            if let Some(wanted) = config["size"].as_str() {
                refuse_smaller_than(volume, &format!("the volume {path}"), wanted)?;
            }
            return Ok(config);
        }
        let Some(place) = Place::of(self.connection.as_ref(), call, &config).await? else {
            return Ok(config);
        };
        let making = self.require(&volumes, &config, &path, place.source.as_deref()).await?;
        config.set("driver_used", LVM);
        config.set("clone_copies", 0);
        config.set("pool", making.pool);
        config.set("type", making.kind.name());
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        let name = stored.str("logical_volume")?;
        let there = Volumes::list(self.connection.as_ref()).await?.thin(name).is_some()
            || !lvm::has_group(self.connection.as_ref(), name).await?;
        match there {
            true => self.observed(&path, stored.clone()).await.map(Some),
            false => Ok(None),
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        refuse_taken(connection, &path).await?;
        // What cannot be asked for is said before anything is made.
        ownership::wanted(connection, planned).await?;
        let made = parents::make(connection, &path, &call.token).await?;
        match self.fill(call, planned, &path).await {
            Ok(volume) => {
                let result = self.made(call, planned, &volume, &made).await?;
                self.take_into_service(call, &path, result).await
            }
            Err(fault) => {
                self.discard(call, &path).await?;
                parents::remove(connection, &path, &made).await?;
                Err(fault)
            }
        }
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let name = prior.str("logical_volume")?;
        let volumes = Volumes::list(self.connection.as_ref()).await?;
        let volume = volumes.thin(name).ok_or_else(|| away(name))?;
        lvm::activate(self.connection.as_ref(), call, volume).await?;
        if let Some(wanted) = planned.opt_str("size")? {
            lvm::extend(self.connection.as_ref(), call, volume, size::parse(wanted)?).await?;
        }
        self.take_into_service(call, &path, planned.clone()).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let name = prior.str("logical_volume")?;
        if !lvm::has_group(connection, name).await? {
            return Err(away(name));
        }
        self.mounting(&path, prior)?.take_down(call).await?;
        // Last: as long as it is there, so is the volume.
        if Volumes::list(connection).await?.thin(name).is_some() {
            lvm::remove(connection, name).await?;
        }
        parents::remove(connection, &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        none_running(connection, call, &format!("the volume {path} is still being made")).await?;
        let made = parents::find(connection, &path, &call.token).await?;
        let volumes = Volumes::list(connection).await?;
        if let Some(source) = volume_place::source(call, planned)?
            && let Some(source) = volumes.at(connection, &source).await?
        {
            lvm::resume(connection, call, source).await?;
        }
        let Some(volume) = volumes.named_for(&path).find(|volume| volume.is_made_by(call)) else {
            return Ok(None);
        };
        if !volume.is_complete() {
            lvm::remove(connection, &volume.full_name()).await?;
            return Ok(None);
        }
        lvm::activate(connection, call, volume).await?;
        let result = self.made(call, planned, volume, &made).await?;
        self.take_into_service(call, &path, result).await.map(Some)
    }

    async fn usage(&self, _: &Call, stored: &Object) -> Result<Option<Usage>, Fault> {
        let volumes = Volumes::list(self.connection.as_ref()).await?;
        let volume = volumes.thin(stored.str("logical_volume")?);
        // What it shares with others the pool tells nobody while it is used.
        Ok(volume.and_then(LogicalVolume::mapped).map(|total| Usage { total, unique: None }))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, id)?;
        let volumes = Volumes::list(connection).await?;
        let Some(volume) = volumes.at(connection, &path).await? else {
            return Err(Fault::new(format!("no thin volume is mounted at {path}"))
                .detail("The id of a volume is its path. Mount it there, then import it."));
        };
        let (kind, uuid) = self.filesystem(volume).await?;
        let known = Object::new()
            .with("path", id)
            .with("driver", LVM)
            .with("pool", volume.pool())
            .with("type", kind.name())
            .with("size", size::exact(volume.bytes))
            .with("persist", true)
            .with("logical_volume", volume.full_name())
            .with("uuid", uuid)
            .with("clone_copies", 0)
            .with("parents", parents::value(&[]));
        self.observed(&path, known).await
    }
}

impl LvmVolume {
    /// Whether what belongs at the path is a thin volume.
    pub async fn has(&self, path: &str) -> Result<bool, Fault> {
        let connection = self.connection.as_ref();
        // Where there is no device of LVM, its commands may not be there either.
        Ok(lvm::may_be_at(connection, path).await?
            && Volumes::list(connection).await?.at(connection, path).await?.is_some())
    }

    fn mounting<'a>(&'a self, path: &'a str, attributes: &Object) -> Result<Mounting<'a>, Fault> {
        Ok(Mounting {
            connection: self.connection.as_ref(),
            fstab: &self.fstab,
            source: Source::Device { uuid: attributes.str("uuid")?.to_owned() },
            path,
            kind: kind(attributes.str("type")?)?,
            options: Vec::new(),
            persist: attributes.opt_bool("persist")? != Some(false),
        })
    }

    /// # Errors
    /// The volume cannot be made as it is asked for, or the pool has no room.
    async fn require(
        &self,
        volumes: &Volumes,
        config: &Object,
        path: &str,
        source: Option<&str>,
    ) -> Result<Making, Fault> {
        if let Some(source) = source {
            return self.require_clone(volumes, config, source).await;
        }
        let pool = config.str("pool")?;
        let found = volumes.pool(pool).ok_or_else(|| {
            Fault::new(format!("there is no thin pool {pool}")).detail(format!(
                "Make it (`lvcreate --type thin-pool --size SIZE {pool}`), or name one of those that `lvs` shows."
            ))
        })?;
        let kind = config["type"].as_str().map_or(Ok(Kind::Ext4), kind)?;
        let bytes = size::parse(config.str("size")?)?;
        lvm::require_room(found, &format!("the volume {path}"), takes(kind, bytes, false))?;
        Ok(Making { pool: pool.to_owned(), source: None, kind, bytes })
    }

    async fn require_clone(&self, volumes: &Volumes, config: &Object, source: &str) -> Result<Making, Fault> {
        let Some(volume) = volumes.at(self.connection.as_ref(), source).await? else {
            return Err(Fault::new(format!("{source} is no thin volume and cannot be cloned as one"))
                .detail(
                    "Only a volume made with driver = \"lvm\" can. Use driver = \"auto\" for this one.",
                ));
        };
        let pool = volume.pool();
        if let Some(other) = config["pool"].as_str().filter(|name| *name != pool) {
            return Err(Fault::new(format!(
                "{source} is in the pool {pool} and cannot be cloned into {other}"
            ))
            .detail("A clone shares its source's pool: leave out `pool`."));
        }
        if !volume.is_active() {
            return Err(Fault::new(format!("the volume {source} is not active and cannot be cloned"))
                .detail("Apply what makes it first: that activates and mounts it again."));
        }
        let (kind, _) = self.filesystem(volume).await?;
        if let Some(other) = config["type"].as_str().filter(|name| *name != kind.name()) {
            let summary = format!("{source} holds {} and its clone cannot be {other}", kind.name());
            return Err(Fault::new(summary).detail("A clone has its source's filesystem: leave out `type`."));
        }
        let bytes = match config["size"].as_str() {
            Some(wanted) => {
                refuse_smaller_than(volume, &format!("a clone of {source}"), wanted)?;
                size::parse(wanted)?
            }
            None => volume.bytes,
        };
        if let Some(pool) = volumes.pool(&pool) {
            lvm::require_room(pool, &format!("cloning {source}"), takes(kind, volume.bytes, true))?;
        }
        Ok(Making { pool, source: Some(volume.clone()), kind, bytes })
    }

    /// Type and UUID of what is on an active volume.
    async fn filesystem(&self, volume: &LogicalVolume) -> Result<(Kind, String), Fault> {
        let found = signature::filesystem(self.connection.as_ref(), &volume.device).await?;
        let found = found.ok_or_else(|| Fault::new(format!("{} holds no filesystem", volume.full_name())))?;
        Ok((kind(&found.kind)?, found.uuid))
    }

    /// Makes the volume with the filesystem on it, complete and marked so.
    async fn fill(&self, call: &Call, planned: &Object, path: &str) -> Result<LogicalVolume, Fault> {
        let connection = self.connection.as_ref();
        let volumes = Volumes::list(connection).await?;
        if let Some(other) = volumes.named_for(path).next() {
            return Err(Fault::new(format!("the logical volume {} is there already", other.full_name()))
                .detail(format!(
                    "Look what is in it; if nothing is needed, remove it: `lvremove {}`.",
                    other.full_name()
                )));
        }
        let source = volume_place::source(call, planned)?;
        let making = self.require(&volumes, planned, path, source.as_deref()).await?;
        let name = lvm::name_for(path);
        let group = making.pool.split('/').next().unwrap_or_default();
        let full_name = format!("{group}/{name}");
        match &making.source {
            Some(volume) => {
                call.events.progress(&format!("cloning {} ({LVM})", volume.full_name()));
                lvm::snapshot(connection, call, volume, &name).await?;
            }
            None => lvm::create(connection, call, &making.pool, &name, making.bytes).await?,
        }
        let volume = self.by_name(&full_name).await?;
        let uuid = uuid::of_step(&call.token);
        match &making.source {
            // Two filesystems with one UUID confuse whoever looks for them by it.
            Some(_) => making.kind.set_uuid(connection, call, &uuid, &volume.device).await?,
            None => making.kind.format(connection, call, &uuid, None, &volume.device).await?,
        }
        lvm::extend(connection, call, &volume, making.bytes).await?;
        lvm::complete(connection, call, &full_name).await?;
        self.by_name(&full_name).await
    }

    async fn by_name(&self, full_name: &str) -> Result<LogicalVolume, Fault> {
        let volumes = Volumes::list(self.connection.as_ref()).await?;
        volumes
            .thin(full_name)
            .cloned()
            .ok_or_else(|| Fault::new(format!("{full_name} vanished while it was made")))
    }

    /// Removes what the call's step has made of a volume that nobody has seen yet.
    async fn discard(&self, call: &Call, path: &str) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let volumes = Volumes::list(connection).await?;
        match volumes.named_for(path).find(|volume| volume.is_made_by(call)) {
            Some(volume) => lvm::remove(connection, &volume.full_name()).await,
            None => Ok(()),
        }
    }

    /// What was planned, with what only the making tells.
    async fn made(
        &self,
        call: &Call,
        planned: &Object,
        volume: &LogicalVolume,
        parents: &[String],
    ) -> Result<Object, Fault> {
        let (kind, _) = self.filesystem(volume).await?;
        let size = planned["size"].as_str().map_or_else(|| size::exact(volume.bytes), str::to_owned);
        Ok(planned
            .clone()
            .with("clone_copies", 0)
            .with("pool", volume.pool())
            .with("type", kind.name())
            .with("size", size)
            .with("logical_volume", volume.full_name())
            .with("uuid", uuid::of_step(&call.token))
            .with("parents", parents::value(parents)))
    }

    async fn take_into_service(&self, call: &Call, path: &str, result: Object) -> Result<Object, Fault> {
        let known = result.with("driver_used", LVM);
        mounted_volume::take_into_service(&self.mounting(path, &known)?, call, known).await
    }

    async fn observed(&self, path: &str, known: Object) -> Result<Object, Fault> {
        let known = known.with("driver_used", LVM);
        mounted_volume::observed(&self.mounting(path, &known)?, known).await
    }
}

/// The types that one can have.
pub fn kind(name: &str) -> Result<Kind, Fault> {
    Kind::parse(name).filter(|kind| *kind != Kind::Btrfs).ok_or_else(|| {
        Fault::new(format!("a volume with driver = \"{LVM}\" cannot be of type \"{name}\""))
            .detail("Use ext4 or xfs.")
    })
}

/// Bytes that a volume takes at once, not less: what `mkfs` writes, and of a clone what makes the
/// filesystem its own.
fn takes(kind: Kind, bytes: u64, is_clone: bool) -> u64 {
    match kind {
        // The log is written whole, see mkfs.xfs(8).
        Kind::Xfs => (bytes / (2 << 10)).max(64 << 20) + LITTLE,
        _ if is_clone => LITTLE,
        // Tables of inodes and the journal.
        _ => bytes / 40 + (32 << 20),
    }
}

fn refuse_smaller_than(volume: &LogicalVolume, what: &str, wanted: &str) -> Result<(), Fault> {
    match volume.rounded(size::parse(wanted)?) < volume.bytes {
        true => refuse_smaller(what, wanted, volume.bytes),
        false => Ok(()),
    }
}

fn away(name: &str) -> Fault {
    Fault::new(format!("the logical volume {name} is not there"))
        .detail("Attach the disk of its volume group again (`vgs` shows which are there), then apply again.")
}
