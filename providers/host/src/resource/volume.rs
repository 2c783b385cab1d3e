use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type, Usage};

use super::directory_volume::DirectoryVolume;
use super::driver::Driver;
use super::image_volume::{IMAGE, ImageVolume};
use super::volume_place::Place;
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
                    "btrfs (subvolume and snapshot), zfs (dataset and clone), image (a filesystem in a file), \
                     reflink, copy, or auto: the best of them that works there, without image.",
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
                "size",
                Attribute::optional_computed(
                    Type::String,
                    "Of an image, like \"20G\"; a clone has its source's unless it says more. It can grow.",
                ),
            ),
            (
                "persist",
                Attribute::optional(Type::Bool, "Mount an image at boot as well, by a line in /etc/fstab.")
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
            ("mounted", Attribute::computed(Type::Bool, "Of an image: it is mounted.")),
            ("in_fstab", Attribute::computed(Type::Bool, "Of an image: it is mounted at boot.")),
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
    if !["auto", IMAGE, ZFS].contains(&driver) && Driver::parse(driver).is_none() {
        let summary = format!("there is no volume driver \"{driver}\"");
        found.push(refused("driver", summary, "Use auto, btrfs, zfs, image, reflink or copy."));
    }
    if driver != IMAGE && !config["size"].is_null() {
        let detail =
            "Other volumes are as large as their filesystem. Leave it out, or use driver = \"image\".";
        found.push(refused("size", "only an image has a size", detail));
    }
    if driver == IMAGE && config["size"].is_null() && config["clone_of"].is_null() {
        let detail =
            "Say how much it may hold, like size = \"20G\": the file takes what is in it, and can grow.";
        found.push(refused("size", "an image needs a size", detail));
    }
    found
}

impl HostVolume {
    pub fn new(connection: Arc<dyn Connection>, fstab: Fstab) -> Self {
        Self {
            directory: DirectoryVolume(connection.clone()),
            image: ImageVolume { connection: connection.clone(), fstab },
            zfs: ZfsVolume(connection),
        }
    }

    /// Who cares for a volume that was made with that driver.
    fn by(&self, driver: Option<&str>) -> &dyn Resource {
        match driver {
            Some(IMAGE) => &self.image,
            Some(ZFS) => &self.zfs,
            _ => &self.directory,
        }
    }

    /// Who is to make the volume.
    async fn maker(&self, call: &Call, config: &Object) -> Result<&dyn Resource, Fault> {
        let known = ["driver_used", "driver"].into_iter().find_map(|name| config[name].as_str());
        match known.filter(|driver| *driver != "auto") {
            Some(driver) => Ok(self.by(Some(driver))),
            None if self.zfs.suits(call, config).await? => Ok(&self.zfs),
            None => Ok(&self.directory),
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
        let driver = match self.image.has(&path).await? {
            true => Some(IMAGE),
            false => self.zfs.has(&path).await?.then_some(ZFS),
        };
        self.by(driver).import(call, id).await
    }
}
