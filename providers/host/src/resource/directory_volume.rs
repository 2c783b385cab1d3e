use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Number, Object, Resource, Usage};

use super::driver::{Driver, is_subvolume, remove};
use super::image_volume::is_unmounted;
use super::mounting::hidden_or_gone;
use super::volume_place::{self, Place, refuse_taken};
use crate::connection::{Connection, EntryKind, Stat};
use crate::entry::exists;
use crate::fault::cannot;
use crate::mark::{self, Mark};
use crate::path::{folder, manageable, pending};
use crate::room::{self, LITTLE};
use crate::tool::none_running;
use crate::{ownership, parents, writers};

/// A volume that is a directory.
///
/// It and a clone are made under a hidden name and renamed when they are complete, so half a clone
/// never has the volume's name. A delete is marked first, and one that was interrupted is never
/// taken for a whole volume.
pub struct DirectoryVolume(pub Arc<dyn Connection>);

#[async_trait]
impl Resource for DirectoryVolume {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        let Some(place) = Place::of(self.0.as_ref(), call, &config).await? else { return Ok(config) };
        let Place { path, source } = &place;
        let driver = self.choose(&config, folder(path), source.as_deref()).await?;
        let copies = self.room(call, driver, source.as_deref(), path).await?;
        config.set("driver_used", driver.name());
        config.set("clone_copies", Number::from(copies));
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        let stat = self.0.stat(&path).await.map_err(cannot("look at", &path))?;
        match stat.filter(|s| s.kind == EntryKind::Directory) {
            Some(stat) => self.observed(&path, &stat, stored.clone()).await.map(Some),
            None => hidden_or_gone(self.0.as_ref(), &path, stored).await,
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        refuse_taken(connection, &path).await?;
        let wanted = ownership::wanted(connection, planned).await?;
        let source = self.source(call, planned).await?;
        let made = parents::make(connection, &path, &call.token).await?;
        let filled = self.fill(call, planned, &path, source.as_deref(), wanted).await;
        let (driver, copied) = match filled {
            Ok(filled) => filled,
            Err(fault) => {
                // A failed clone must not fill the disk until the next try.
                remove(connection, call.events.as_ref(), &pending(&path)).await?;
                mark::clear(connection, &path).await?;
                parents::remove(connection, &path, &made).await?;
                return Err(fault);
            }
        };
        self.finished(&path, made_with(planned, driver, copied, &made)).await
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
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        match there.map(|s| s.kind) {
            None => {}
            Some(EntryKind::Directory) => {
                super::directory::refuse_mounts(connection, &path).await?;
                mark::set(connection, &path, &path, &Mark::Deleting).await?;
                remove(connection, call.events.as_ref(), &path).await?;
            }
            Some(_) => {
                return Err(Fault::new(format!("{path} is not a directory any more"))
                    .detail("Somebody replaced it. Remove what is there by hand, then destroy again."));
            }
        }
        mark::clear(connection, &path).await?;
        parents::remove(connection, &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        none_running(connection, call, &format!("the volume {path} is still being made")).await?;
        let made = parents::find(connection, &path, &call.token).await?;
        remove(connection, call.events.as_ref(), &pending(&path)).await?;
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        let ours = match there {
            Some(stat) if stat.kind == EntryKind::Directory => {
                mark::get(connection, &path).await? == Some(Mark::Made(call.token.to_string()))
            }
            _ => false,
        };
        if !ours {
            return Ok(None);
        }
        let driver = self.driver_of(&path).await?;
        // A copy is as large as what it was copied from.
        let copied = match driver {
            Driver::Copy if !planned["clone_of"].is_null() => room::total(connection, &path).await?,
            _ => 0,
        };
        self.finished(&path, made_with(planned, driver, copied, &made)).await.map(Some)
    }

    async fn usage(&self, call: &Call, stored: &Object) -> Result<Option<Usage>, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        if !exists(connection, &path).await? {
            return Ok(None);
        }
        let total = room::total(connection, &path).await?;
        let unique = match stored.opt_str("driver_used")?.and_then(Driver::parse) {
            Some(Driver::Btrfs) => Some(room::exclusive(connection, &path).await?.min(total)),
            Some(Driver::Copy) => Some(total),
            Some(Driver::Reflink) | None => None,
        };
        Ok(Some(Usage { total, unique }))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let stat = self.0.stat(&path).await.map_err(cannot("look at", &path))?;
        if stat.is_none_or(|s| s.kind != EntryKind::Directory) {
            return Err(Fault::new(format!("{path} is not a directory")));
        }
        let known = Object::new()
            .with("path", id)
            .with("driver", "auto")
            .with("persist", true)
            .with("driver_used", self.driver_of(&path).await?.name())
            .with("clone_copies", 0)
            .with("parents", parents::value(&[]));
        self.finished(&path, known).await
    }
}

impl DirectoryVolume {
    /// The bytes that a clone has to copy, for which there is room.
    async fn room(
        &self,
        call: &Call,
        driver: Driver,
        source: Option<&str>,
        path: &str,
    ) -> Result<u64, Fault> {
        let connection = self.0.as_ref();
        let copies = match source {
            Some(source) if driver == Driver::Copy => {
                call.events.progress(&format!("measuring {source}"));
                room::total(connection, source).await?
            }
            _ => 0,
        };
        let what = match source {
            Some(source) => format!("cloning {source}"),
            None => format!("the volume {path}"),
        };
        room::require(connection, &what, folder(path), copies.saturating_add(LITTLE)).await?;
        Ok(copies)
    }

    /// Makes the volume under its hidden name, complete and marked, and gives it its own. Returns
    /// the bytes that were copied as well.
    async fn fill(
        &self,
        call: &Call,
        planned: &Object,
        path: &str,
        source: Option<&str>,
        mut wanted: ownership::Ownership,
    ) -> Result<(Driver, u64), Fault> {
        let connection = self.0.as_ref();
        let new = pending(path);
        remove(connection, call.events.as_ref(), &new).await?;
        let driver = self.choose(planned, folder(path), source).await?;
        let copies = self.room(call, driver, source, path).await?;
        match source {
            Some(source) => {
                call.events.progress(&format!("cloning {source} ({})", driver.name()));
                let copies = !driver.clones_one_instant();
                if copies {
                    writers::refuse(connection, source, driver.name()).await?;
                }
                driver.clone(connection, call, source, &new).await?;
                if copies {
                    // Nor may one have begun meanwhile.
                    writers::refuse(connection, source, driver.name()).await?;
                }
            }
            None => {
                driver.make(connection, call, &new).await?;
                wanted.mode = wanted.mode.or(Some(0o755));
            }
        }
        ownership::set(connection, &new, wanted).await?;
        // A clone has brought its source's mark along: it gets its own before its name.
        mark::set(connection, &new, path, &Mark::Made(call.token.to_string())).await?;
        connection.rename(&new, path).await.map_err(cannot("give its name to", path))?;
        Ok((driver, copies))
    }

    async fn source(&self, call: &Call, planned: &Object) -> Result<Option<String>, Fault> {
        let Some(source) = volume_place::source(call, planned)? else { return Ok(None) };
        let connection = self.0.as_ref();
        let stat = connection.stat(&source).await.map_err(cannot("look at", &source))?;
        if stat.is_none_or(|s| s.kind != EntryKind::Directory) {
            return Err(Fault::new(format!("there is no volume {source} to clone"))
                .detail("clone_of is the path of a volume that exists."));
        }
        if is_unmounted(connection, &source).await? {
            return Err(Fault::new(format!("the volume {source} is not mounted and cannot be cloned"))
                .detail("Apply what makes it first: that mounts it again."));
        }
        if mark::get(connection, &source).await? == Some(Mark::Deleting) {
            return Err(Fault::new(format!("the volume {source} was half deleted and cannot be cloned")));
        }
        Ok(Some(source))
    }

    /// The driver that is asked for, if it works there; for `auto` the best that does.
    async fn choose(&self, config: &Object, directory: &str, source: Option<&str>) -> Result<Driver, Fault> {
        let connection = self.0.as_ref();
        let Some(driver) = config["driver"].as_str().and_then(Driver::parse) else {
            return Driver::probe(connection, source, directory).await;
        };
        let Err(why) = driver.works(connection, source, directory).await? else { return Ok(driver) };
        Err(Fault::new(format!("the volume driver \"{}\" does not work in {directory}", driver.name()))
            .detail(format!("{why}. Use driver = \"auto\", or put the volume on another filesystem.")))
    }

    async fn driver_of(&self, path: &str) -> Result<Driver, Fault> {
        if is_subvolume(self.0.as_ref(), path).await? {
            return Ok(Driver::Btrfs);
        }
        match Driver::Reflink.works(self.0.as_ref(), None, path).await? {
            Ok(()) => Ok(Driver::Reflink),
            Err(_) => Ok(Driver::Copy),
        }
    }

    async fn finished(&self, path: &str, known: Object) -> Result<Object, Fault> {
        let stat = self.0.stat(path).await.map_err(cannot("look at", path))?;
        let Some(stat) = stat else {
            return Err(Fault::new(format!("{path} vanished while it was made"))
                .detail("Something else removes files there."));
        };
        self.observed(path, &stat, known).await
    }

    async fn observed(&self, path: &str, stat: &Stat, known: Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let mut observed = known.clone().with("absolute_path", path);
        ownership::observe(connection, stat, &known, &mut observed).await?;
        let driver = known["driver_used"].as_str().and_then(Driver::parse);
        observed.set("one_instant", driver.is_some_and(Driver::clones_one_instant));
        observed.set("intact", mark::get(connection, path).await? != Some(Mark::Deleting));
        Ok(observed)
    }
}

/// What was planned, with what only the making tells. What the plan promised stays.
fn made_with(planned: &Object, driver: Driver, copied: u64, parents: &[String]) -> Object {
    let copied = match planned["clone_copies"].is_null() {
        true => Number::from(copied).into(),
        false => planned["clone_copies"].clone(),
    };
    planned
        .clone()
        .with("driver_used", driver.name())
        .with("clone_copies", copied)
        .with("parents", parents::value(parents))
}
