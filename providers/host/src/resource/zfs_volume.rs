use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Usage};

use super::volume_place::{self, Place, refuse_taken};
use super::zfs::{self, Dataset};
use crate::connection::Connection;
use crate::entry::exists;
use crate::fault::cannot;
use crate::path::{folder, manageable};
use crate::room::{self, LITTLE};
use crate::tool::none_running;
use crate::{ownership, parents};

/// The driver's name.
pub const ZFS: &str = "zfs";

/// A volume that is a ZFS dataset, mounted at its path by ZFS itself, also at boot.
///
/// A dataset is there as a whole or not at all, and with it the step that made it. A clone is of
/// one instant and outlives its source.
pub struct ZfsVolume(pub Arc<dyn Connection>);

#[async_trait]
impl Resource for ZfsVolume {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        let Some(place) = Place::of(self.0.as_ref(), call, &config).await? else { return Ok(config) };
        self.require(&place.path, place.source.as_deref()).await?;
        config.set("driver_used", ZFS);
        config.set("clone_copies", 0);
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        match zfs::at(self.0.as_ref(), &path).await? {
            Some(dataset) => self.observed(&path, &dataset, stored.clone()).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        refuse_taken(connection, &path).await?;
        let mut wanted = ownership::wanted(connection, planned).await?;
        let made = parents::make(connection, &path, &call.token).await?;
        let filled = self.fill(call, planned, &path).await;
        if let Err(fault) = filled {
            parents::remove(connection, &path, &made).await?;
            return Err(fault);
        }
        if planned["clone_of"].is_null() {
            wanted.mode = wanted.mode.or(Some(0o755));
        }
        let known = planned.clone().with("clone_copies", 0).with("parents", parents::value(&made));
        match ownership::set(connection, &path, wanted).await {
            Ok(()) => self.finished(&path, known).await,
            Err(fault) => Err(fault.unfinished(self.finished(&path, known).await?)),
        }
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let wanted = ownership::wanted(self.0.as_ref(), planned).await?;
        ownership::set(self.0.as_ref(), &path, wanted).await?;
        self.finished(&path, planned.clone()).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        if let Some(dataset) = zfs::at(connection, &path).await? {
            zfs::destroy(connection, call, &dataset.name).await?;
        }
        // Where ZFS has not made it itself it leaves the empty mount point.
        connection.remove_dir(&path).await.map_err(cannot("remove", &path))?;
        parents::remove(connection, &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        none_running(connection, call, &format!("the volume {path} is still being made")).await?;
        let made = parents::find(connection, &path, &call.token).await?;
        let dataset = zfs::at(connection, &path).await?;
        if let Some(dataset) = dataset
            && zfs::is_made_by(connection, call, &dataset.name).await?
        {
            let known = planned.clone().with("clone_copies", 0).with("parents", parents::value(&made));
            return self.observed(&path, &dataset, known).await.map(Some);
        }
        if let Some(source) = volume_place::source(call, planned)?
            && let Some(source) = zfs::at(connection, &source).await?
        {
            zfs::forget_snapshot(connection, call, &source.name).await?;
        }
        Ok(None)
    }

    async fn usage(&self, call: &Call, stored: &Object) -> Result<Option<Usage>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        let Some(dataset) = zfs::at(self.0.as_ref(), &path).await? else { return Ok(None) };
        let bytes = async |name: &str| -> Result<u64, Fault> {
            let value = zfs::property(self.0.as_ref(), &dataset.name, name).await?;
            Ok(value.and_then(|v| v.parse().ok()).unwrap_or_default())
        };
        Ok(Some(Usage { total: bytes("referenced").await?, unique: Some(bytes("usedbydataset").await?) }))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let known = Object::new()
            .with("path", id)
            .with("driver", ZFS)
            .with("persist", true)
            .with("clone_copies", 0)
            .with("parents", parents::value(&[]));
        self.finished(&path, known).await
    }
}

impl ZfsVolume {
    /// Whether a volume at that path would lie in ZFS, and so would its source.
    pub async fn suits(&self, call: &Call, config: &Object) -> Result<bool, Fault> {
        let Some(path) = config["path"].as_str() else { return Ok(false) };
        let path = manageable(&call.base_dir, path)?;
        let connection = self.0.as_ref();
        let mut directory = folder(&path);
        while directory != "/" && !exists(connection, directory).await? {
            directory = folder(directory);
        }
        let Some(parent) = zfs::around(connection, directory).await? else { return Ok(false) };
        let Some(source) = config["clone_of"].as_str() else { return Ok(true) };
        let source = zfs::at(connection, &manageable(&call.base_dir, source)?).await?;
        Ok(source.is_some_and(|source| source.pool() == parent.pool()))
    }

    /// Whether the volume at the path is a dataset.
    pub async fn has(&self, path: &str) -> Result<bool, Fault> {
        Ok(zfs::at(self.0.as_ref(), path).await?.is_some())
    }

    /// The dataset that it will lie in, and the one that it is a clone of.
    async fn require(&self, path: &str, source: Option<&str>) -> Result<(Dataset, Option<Dataset>), Fault> {
        let (connection, directory) = (self.0.as_ref(), folder(path));
        let Some(parent) = zfs::around(connection, directory).await? else {
            return Err(Fault::new(format!("the volume driver \"{ZFS}\" does not work in {directory}")).detail(
                "It is in no mounted dataset, or `zfs` is not installed. Use driver = \"auto\", or put the volume into \
                 a pool.",
            ));
        };
        zfs::name_for(&parent, path)?;
        let Some(source) = source else { return Ok((parent, None)) };
        let Some(dataset) = zfs::at(connection, source).await? else {
            return Err(Fault::new(format!("{source} is no dataset and cannot be cloned as one")).detail(
                "Only a volume made with driver = \"zfs\" can. Use driver = \"copy\" for this one.",
            ));
        };
        if dataset.pool() != parent.pool() {
            return Err(Fault::new(format!("{source} is in another pool and cannot be cloned to {path}"))
                .detail("Put the clone into the same pool, or use driver = \"copy\"."));
        }
        room::require(connection, &format!("cloning {source}"), directory, LITTLE).await?;
        Ok((parent, Some(dataset)))
    }

    async fn fill(&self, call: &Call, planned: &Object, path: &str) -> Result<(), Fault> {
        let connection = self.0.as_ref();
        let source = volume_place::source(call, planned)?;
        let (parent, source) = self.require(path, source.as_deref()).await?;
        let name = zfs::name_for(&parent, path)?;
        match source {
            Some(source) => {
                call.events.progress(&format!("cloning {} ({ZFS})", source.mountpoint));
                zfs::clone(connection, call, &source.name, &name, path).await
            }
            None => zfs::create(connection, call, &name, path).await,
        }
    }

    async fn finished(&self, path: &str, known: Object) -> Result<Object, Fault> {
        match zfs::at(self.0.as_ref(), path).await? {
            Some(dataset) => self.observed(path, &dataset, known).await,
            None => Err(Fault::new(format!("no dataset has the mount point {path}"))
                .detail("`zfs list -o name,mountpoint` shows which there are.")),
        }
    }

    async fn observed(&self, path: &str, dataset: &Dataset, known: Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        if !dataset.mounted {
            // What is at the path is not its data.
            return Err(Fault::new(format!("the dataset {} is not mounted at {path}", dataset.name)).detail(
                format!("Run `zfs mount {}`, and see why it was not mounted at boot.", dataset.name),
            ));
        }
        let mut observed = known
            .clone()
            .with("absolute_path", path)
            .with("driver_used", ZFS)
            .with("one_instant", true)
            .with("intact", true);
        if let Some(stat) = connection.stat(path).await.map_err(cannot("look at", path))? {
            ownership::observe(connection, &stat, &known, &mut observed).await?;
        }
        Ok(observed)
    }
}
