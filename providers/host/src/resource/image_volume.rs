use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Usage};

use super::filesystem_kind::Kind;
use super::image::{extend, refuse_smaller};
use super::mounted_volume;
use super::mounting::{Mounting, Source, at, hidden_or_gone, is_empty_mount_point};
use super::volume_place::{self, Place, refuse_taken};
use crate::connection::Connection;
use crate::entry::{exists, file_size};
use crate::fault::cannot;
use crate::fstab::Fstab;
use crate::mark::{self, Mark};
use crate::path::{beside, folder, manageable, pending};
use crate::room::{self, LITTLE};
use crate::tool::{ask, none_running, run};
use crate::{ownership, parents, size, uuid};

/// The driver's name.
pub const IMAGE: &str = "image";

/// Freezes, clones and thaws.
const CLONE: &str = include_str!("clone_frozen.sh");
/// Seconds that writers may be held up at most; it takes milliseconds.
const FROZEN: &str = "30";

/// A volume that is a filesystem (ext4) in a sparse file beside its path, where it is mounted.
///
/// A clone freezes the source for as long as it takes to reflink that one file. The file is made
/// under a hidden name and renamed when it is complete; it bears the marks.
pub struct ImageVolume {
    pub connection: Arc<dyn Connection>,
    pub fstab: Fstab,
}

#[async_trait]
impl Resource for ImageVolume {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        if let (Some(path), Some(wanted)) = (config["path"].as_str(), config["size"].as_str()) {
            let path = manageable(&call.base_dir, path)?;
            if let Some(now) = self.image_size(&path).await? {
                refuse_smaller(&format!("the volume {path}"), wanted, now)?;
            }
        }
        let Some(place) = Place::of(self.connection.as_ref(), call, &config).await? else {
            return Ok(config);
        };
        self.require(place.source.as_deref(), &place.path, config["size"].as_str()).await?;
        config.set("driver_used", IMAGE);
        config.set("clone_copies", 0);
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        match self.has(&path).await? {
            true => self.observed(&path, stored.clone()).await.map(Some),
            // Where it lies in what is not mounted, it is not either.
            false => {
                let hidden = hidden_or_gone(self.connection.as_ref(), &path, stored).await?;
                Ok(hidden.map(|stored| stored.with("mounted", false)))
            }
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let image = image_of(&path);
        for place in [&path, &image] {
            refuse_taken(connection, place).await?;
        }
        // What cannot be asked for is said before anything is made.
        ownership::wanted(connection, planned).await?;
        let made = parents::make(connection, &path, &call.token).await?;
        if let Err(fault) = self.fill(call, planned, &path).await {
            let new = pending(&image);
            connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
            mark::clear(connection, &image).await?;
            parents::remove(connection, &path, &made).await?;
            return Err(fault);
        }
        self.take_into_service(call, &path, made_with(planned, &made)).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        if let Some(wanted) = planned.opt_str("size")? {
            let image = image_of(&path);
            extend(self.connection.as_ref(), call, &image, size::parse(wanted)?).await?;
        }
        self.take_into_service(call, &path, planned.clone()).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let image = image_of(&path);
        self.mounting(&path, prior)?.take_down(call).await?;
        // Last: as long as it is there, so is the volume.
        connection.remove_file(&image).await.map_err(cannot("remove", &image))?;
        mark::clear(connection, &image).await?;
        parents::remove(connection, &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let image = image_of(&path);
        none_running(connection, call, &format!("the volume {path} is still being made")).await?;
        let made = parents::find(connection, &path, &call.token).await?;
        let new = pending(&image);
        connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
        let ours = self.has(&path).await?
            && mark::get(connection, &image).await? == Some(Mark::Made(call.token.to_string()));
        match ours {
            true => self.take_into_service(call, &path, made_with(planned, &made)).await.map(Some),
            false => Ok(None),
        }
    }

    async fn usage(&self, call: &Call, stored: &Object) -> Result<Option<Usage>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        if !self.has(&path).await? {
            return Ok(None);
        }
        let (connection, image) = (self.connection.as_ref(), image_of(&path));
        let total = room::total(connection, &image).await?;
        Ok(Some(Usage { total, unique: room::unshared(connection, &image).await? }))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let bytes = self.image_size(&path).await?.unwrap_or_default();
        let known = Object::new()
            .with("path", id)
            .with("driver", IMAGE)
            .with("size", size::exact(bytes))
            .with("persist", true)
            .with("clone_copies", 0)
            .with("parents", parents::value(&[]));
        self.observed(&path, known).await
    }
}

impl ImageVolume {
    /// Whether the volume at the path is an image's.
    pub async fn has(&self, path: &str) -> Result<bool, Fault> {
        Ok(self.image_size(path).await?.is_some())
    }

    async fn image_size(&self, path: &str) -> Result<Option<u64>, Fault> {
        file_size(self.connection.as_ref(), &image_of(path)).await
    }

    fn mounting<'a>(&'a self, path: &'a str, attributes: &Object) -> Result<Mounting<'a>, Fault> {
        Ok(Mounting {
            connection: self.connection.as_ref(),
            fstab: &self.fstab,
            source: Source::Image(image_of(path)),
            path,
            kind: Kind::Ext4,
            options: Vec::new(),
            persist: attributes.opt_bool("persist")? != Some(false),
        })
    }

    /// # Errors
    /// The driver does not work there, or there is no room, or the source is none for it.
    async fn require(&self, source: Option<&str>, path: &str, wanted: Option<&str>) -> Result<(), Fault> {
        let (connection, directory) = (self.connection.as_ref(), folder(path));
        if let Some(source) = source {
            let Some(bytes) = self.image_size(source).await? else {
                return Err(Fault::new(format!("{source} is no image and cannot be cloned as one")).detail(
                    "Only a volume made with driver = \"image\" can. Use driver = \"auto\" for this one.",
                ));
            };
            if let Some(wanted) = wanted {
                refuse_smaller(&format!("a clone of {source}"), wanted, bytes)?;
            }
        }
        let from = source.map_or(directory, folder);
        if !connection
            .shares_data(from, directory)
            .await
            .map_err(cannot("try to clone a file in", directory))?
        {
            return Err(Fault::new(format!("the volume driver \"{IMAGE}\" does not work in {directory}")).detail(
                "Files cannot share data there. Put the volume on btrfs or on XFS made with reflink=1, and a clone \
                 on the same filesystem as its source.",
            ));
        }
        let what = match source {
            Some(source) => format!("cloning {source}"),
            None => format!("the volume {path}"),
        };
        room::require(connection, &what, directory, LITTLE).await
    }

    /// Makes the image under its hidden name, complete and marked, and gives it its own.
    async fn fill(&self, call: &Call, planned: &Object, path: &str) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let image = image_of(path);
        let new = pending(&image);
        connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
        let source = volume_place::source(call, planned)?;
        let wanted = planned.opt_str("size")?;
        self.require(source.as_deref(), path, wanted).await?;
        let bytes = match (wanted, &source) {
            (Some(wanted), _) => size::parse(wanted)?,
            (None, Some(source)) => self.image_size(source).await?.unwrap_or_default(),
            (None, None) => 0,
        };
        empty_file(connection, call, &new, bytes).await?;
        let uuid = uuid::of_step(&call.token);
        match &source {
            Some(source) => {
                call.events.progress(&format!("cloning {source} ({IMAGE})"));
                self.clone_image(call, source, &new).await?;
                // Two filesystems with one UUID confuse whoever looks for them by it.
                run(connection, call, &["tune2fs", "-U", &uuid, &new]).await?;
                extend(connection, call, &new, bytes).await?;
            }
            None => {
                extend(connection, call, &new, bytes).await?;
                Kind::Ext4.format(connection, call, &uuid, None, &new).await?;
            }
        }
        connection.set_mode(&new, 0o600).await.map_err(cannot("change the mode of", &new))?;
        mark::set(connection, &new, &image, &Mark::Made(call.token.to_string())).await?;
        connection.sync(folder(path)).await.map_err(cannot("write to disk", &new))?;
        connection.rename(&new, &image).await.map_err(cannot("give its name to", &image))
    }

    async fn clone_image(&self, call: &Call, source: &str, new: &str) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let image = image_of(source);
        let unchanged = Object::new();
        let Some(mount) = self.mounting(source, &unchanged)?.current().await? else {
            // Nobody can write to it.
            return run(connection, call, &["cp", "--reflink=always", "--", &image, new]).await.map(drop);
        };
        let script = ["sh", "-c", CLONE, "clone_frozen", source, &image, new, &mount.number, FROZEN];
        run(connection, call, &script).await.map(drop).map_err(|fault| {
            Fault::new(format!("{source} could not be cloned")).detail(format!(
                "{} It is not frozen any more, unless somebody else froze it: `fsfreeze --unfreeze {source}` ends that.",
                fault.detail
            ))
        })
    }

    async fn take_into_service(&self, call: &Call, path: &str, result: Object) -> Result<Object, Fault> {
        let known = self.known(path, result).await?;
        mounted_volume::take_into_service(&self.mounting(path, &known)?, call, known).await
    }

    async fn observed(&self, path: &str, known: Object) -> Result<Object, Fault> {
        let known = self.known(path, known).await?;
        mounted_volume::observed(&self.mounting(path, &known)?, known).await
    }

    async fn known(&self, path: &str, known: Object) -> Result<Object, Fault> {
        let mut known = known.with("driver_used", IMAGE);
        if known["size"].is_null() {
            known.set("size", size::exact(self.image_size(path).await?.unwrap_or_default()));
        }
        Ok(known)
    }
}

/// The file of the volume at that path.
pub fn image_of(path: &str) -> String {
    beside(path, "mprov-image")
}

/// Makes the file that is to become an image of that size, so that it grows in large pieces where
/// the filesystem can be told to (XFS): how long a clone takes follows from their number. What is
/// written after a clone gets its room in such pieces too, so they are not as large as can be.
async fn empty_file(connection: &dyn Connection, call: &Call, file: &str, bytes: u64) -> Result<(), Fault> {
    run(connection, call, &["truncate", "--size=0", "--", file]).await?;
    let piece = (bytes / 1024).next_power_of_two().clamp(64 << 10, 4 << 20);
    drop(ask(connection, &["xfs_io", "-c", &format!("extsize {piece}"), file]).await);
    Ok(())
}

/// Whether what is at the path is not the volume's data: nothing is mounted where an image or
/// something else of mprov's belongs.
pub async fn is_unmounted(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    let image = exists(connection, &image_of(path)).await? && at(connection, path).await?.is_none();
    Ok(image || is_empty_mount_point(connection, path).await?)
}

fn made_with(planned: &Object, parents: &[String]) -> Object {
    planned.clone().with("clone_copies", 0).with("parents", parents::value(parents))
}
