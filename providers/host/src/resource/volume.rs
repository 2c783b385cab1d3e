use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type, Usage};

use super::directory_volume::DirectoryVolume;
use super::driver::Driver;
use super::filesystem_kind::Kind;
use super::image_volume::{IMAGE, ImageVolume};
use super::lvm_volume::{LVM, LvmVolume, kind};
use super::volume_place::{self, Place};
use super::zfs_volume::{ZFS, ZfsVolume};
use crate::connection::Connection;
use crate::fstab::Fstab;
use crate::path::manageable;
use crate::{ownership, refused, size};

/// What a delete of a volume loses.
pub const DATA: &str = "all files in the volume";

/// `host_volume`: a place for data that can be cloned.
///
/// A delete takes all data with it; `prevent_destroy` protects.
pub struct HostVolume {
    directory: DirectoryVolume,
    image: ImageVolume,
    lvm: LvmVolume,
    zfs: ZfsVolume,
}

pub fn schema() -> Schema {
    let mut schema = Schema::new(
        "host_volume",
        "A directory for data, cheap to clone where the filesystem allows it.",
        [
            (
                "path",
                Attribute::required(Type::String, "Absolute, or relative to the root module.").replaces(),
            ),
            (
                "driver",
                Attribute::optional(
                    Type::String,
                    "btrfs (subvolume and snapshot), zfs (dataset and clone), lvm (thin volume and snapshot), image \
                     (a filesystem in a file), reflink, copy, or auto: the best of them that works there, without \
                     image, and with lvm only for the clone of such a volume.",
                )
                .default("auto"),
            ),
            (
                "clone_of",
                Attribute::optional(
                    Type::String,
                    "Path of the volume to start as a clone of; only used when made.",
                ),
            ),
            (
                "pool",
                Attribute::optional_computed(
                    Type::String,
                    "With lvm: the thin pool to make it in, like \"vg0/thin\"; a clone is in its source's.",
                )
                .replaces(),
            ),
            (
                "type",
                Attribute::optional_computed(
                    Type::String,
                    "With lvm: ext4 (the default) or xfs; a clone has its source's.",
                )
                .replaces(),
            ),
            (
                "size",
                Attribute::optional_computed(
                    Type::String,
                    "Of an image or with lvm, like \"20G\"; a clone has its source's unless it says more. It can grow.",
                ),
            ),
            (
                "persist",
                Attribute::optional(Type::Bool, "Mount what image and lvm make at boot as well, by a line in /etc/fstab.")
                    .default(true),
            ),
            ("driver_used", Attribute::computed(Type::String, "The driver that it was made with.")),
            (
                "one_instant",
                Attribute::computed(
                    Type::Bool,
                    "A clone of it holds the data of one single instant, also while it is written to.",
                ),
            ),
            (
                "clone_copies",
                Attribute::computed(
                    Type::Number,
                    "Bytes that are copied to make it as a clone; 0 where it shares the data.",
                ),
            ),
            ("mounted", Attribute::computed(Type::Bool, "With image and lvm: it is mounted.")),
            ("in_fstab", Attribute::computed(Type::Bool, "With image and lvm: it is mounted at boot.")),
            ("logical_volume", Attribute::computed(Type::String, "With lvm: its name, like \"vg0/name\".")),
            ("uuid", Attribute::computed(Type::String, "With lvm: the filesystem's.")),
            ("intact", Attribute::computed(Type::Bool, "False once a delete of it has begun.")),
            ("absolute_path", Attribute::computed(Type::String, "The path on the machine.")),
            (
                "parents",
                Attribute::computed(Type::list(Type::String), "Parent folders that were made for it."),
            ),
        ],
    )
    .holds_data(DATA);
    schema.attributes.extend(ownership::attributes().map(|(name, a)| (name.into(), a)));
    schema
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = ownership::validate(config);
    if let Some(Err(fault)) = config["size"].as_str().map(size::parse) {
        found.push(refused("size", fault.summary, fault.detail));
    }
    let Some(driver) = config["driver"].as_str() else { return found };
    if !["auto", IMAGE, LVM, ZFS].contains(&driver) && Driver::parse(driver).is_none() {
        let summary = format!("there is no volume driver \"{driver}\"");
        found.push(refused("driver", summary, "Use auto, btrfs, zfs, lvm, image, reflink or copy."));
    }
    if ![IMAGE, LVM].contains(&driver) && !config["size"].is_null() {
        let detail = "Other volumes are as large as their filesystem. Leave it out, or use driver = \"image\" or \
                      driver = \"lvm\".";
        found.push(refused("size", "only an image or a thin volume has a size", detail));
    }
    if driver == IMAGE && config["size"].is_null() && config["clone_of"].is_null() {
        let detail =
            "Say how much it may hold, like size = \"20G\": the file takes what is in it, and can grow.";
        found.push(refused("size", "an image needs a size", detail));
    }
    validate_lvm(config, driver, &mut found);
    found
}

fn validate_lvm(config: &Object, driver: &str, found: &mut Diagnostics) {
    if driver != LVM {
        for name in ["pool", "type"].into_iter().filter(|name| !config[name].is_null()) {
            let detail = "Leave it out, or use driver = \"lvm\".";
            found.push(refused(name, format!("only a thin volume has a {name}"), detail));
        }
        return;
    }
    for name in ["pool", "size"] {
        if config[name].is_null() && config["clone_of"].is_null() {
            let detail = "Say where it is to be made and how much it may hold, like pool = \"vg0/thin\" and size = \
                          \"20G\": it takes what is in it, and can grow.";
            found.push(refused(name, format!("a thin volume needs a {name}"), detail));
        }
    }
    if let Some(pool) = config["pool"].as_str()
        && pool.split('/').filter(|part| !part.is_empty()).count() != 2
    {
        let detail = "Write the volume group and the pool, like \"vg0/thin\".";
        found.push(refused("pool", format!("\"{pool}\" is no name of a thin pool"), detail));
    }
    match config["type"].as_str().map_or(Ok(Kind::Ext4), kind) {
        Err(fault) => found.push(refused("type", fault.summary, fault.detail)),
        Ok(kind) => {
            let bytes = config["size"].as_str().and_then(|text| size::parse(text).ok());
            if bytes.is_some_and(|bytes| bytes < kind.smallest()) && config["clone_of"].is_null() {
                let detail = format!("It needs {}.", size::exact(kind.smallest()));
                found.push(refused("size", "the volume is too small for its type", detail));
            }
        }
    }
}

impl HostVolume {
    pub fn new(connection: Arc<dyn Connection>, fstab: Fstab) -> Self {
        Self {
            directory: DirectoryVolume(connection.clone()),
            image: ImageVolume { connection: connection.clone(), fstab: fstab.clone() },
            lvm: LvmVolume { connection: connection.clone(), fstab },
            zfs: ZfsVolume(connection),
        }
    }

    /// Who cares for a volume that was made with that driver.
    fn by(&self, driver: Option<&str>) -> &dyn Resource {
        match driver {
            Some(IMAGE) => &self.image,
            Some(LVM) => &self.lvm,
            Some(ZFS) => &self.zfs,
            _ => &self.directory,
        }
    }

    /// Who is to make the volume.
    async fn maker(&self, call: &Call, config: &Object) -> Result<&dyn Resource, Fault> {
        let known = ["driver_used", "driver"].into_iter().find_map(|name| config[name].as_str());
        if let Some(driver) = known.filter(|driver| *driver != "auto") {
            return Ok(self.by(Some(driver)));
        }
        if let Some(source) = volume_place::source(call, config)?
            && self.lvm.has(&source).await?
        {
            return Ok(&self.lvm);
        }
        match self.zfs.suits(call, config).await? {
            true => Ok(&self.zfs),
            false => Ok(&self.directory),
        }
    }
}

#[async_trait]
impl Resource for HostVolume {
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        // One that is there has its driver: nobody has to ask again what the filesystem is.
        let automatic = config["driver"].as_str() == Some("auto");
        if automatic && Place::of(self.zfs.0.as_ref(), call, &config).await?.is_none() {
            return Ok(config);
        }
        self.maker(call, &config).await?.prepare(call, config).await
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        self.by(stored["driver_used"].as_str()).read(call, stored).await
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        self.maker(call, planned).await?.create(call, planned).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        self.by(prior["driver_used"].as_str()).update(call, prior, planned).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        self.by(prior["driver_used"].as_str()).delete(call, prior).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        self.maker(call, planned).await?.find(call, planned).await
    }

    async fn usage(&self, call: &Call, stored: &Object) -> Result<Option<Usage>, Fault> {
        self.by(stored["driver_used"].as_str()).usage(call, stored).await
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let driver = match () {
            () if self.image.has(&path).await? => Some(IMAGE),
            () if self.lvm.has(&path).await? => Some(LVM),
            () => self.zfs.has(&path).await?.then_some(ZFS),
        };
        self.by(driver).import(call, id).await
    }
}
