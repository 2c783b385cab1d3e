use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Number, Object, Resource, Value};

use super::device;
use super::filesystem_kind::Kind;
use super::image::{extend, refuse_smaller};
use super::mounting::{Mounting, Source, at, hidden_or_gone, image_behind};
use crate::connection::Connection;
use crate::entry::{exists, file_size};
use crate::fault::cannot;
use crate::fstab::Fstab;
use crate::mark::{self, Mark};
use crate::path::{absolute, folder, manageable, pending};
use crate::room::{self, LITTLE};
use crate::tool::none_running;
use crate::{parents, signature, size, uuid};

/// `host_filesystem`: a filesystem on a device or in a file, made and mounted.
///
/// A device that holds anything is never formatted. What a step has made it knows again by its
/// UUID, which follows from the step's token. An image is made under a hidden name and renamed
/// when it is complete.
pub struct HostFilesystem {
    pub connection: Arc<dyn Connection>,
    pub fstab: Fstab,
}

#[async_trait]
impl Resource for HostFilesystem {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        if let Some(image) = config["image"].as_str() {
            self.check_image(&manageable(&call.base_dir, image)?, config["size"].as_str()).await?;
        }
        if let (Some(device), Some(path)) = (config["device"].as_str(), config["path"].as_str()) {
            let device = absolute(&call.base_dir, device)?;
            let path = manageable(&call.base_dir, path)?;
            // One that this plan attaches cannot tell yet.
            if exists(self.connection.as_ref(), &device).await? {
                let kind = config["type"].as_str().and_then(Kind::parse);
                let found =
                    device::acceptable(self.connection.as_ref(), &self.fstab, &device, &path, kind).await?;
                config.set("uuid", found);
            }
        }
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        match self.is_there(call, stored).await? {
            true => self.observed(call, &path, stored.clone()).await.map(Some),
            false => match stored.opt_str("image")? {
                Some(image) => {
                    let image = manageable(&call.base_dir, image)?;
                    let hidden = hidden_or_gone(self.connection.as_ref(), &image, stored).await?;
                    Ok(hidden.map(|stored| stored.with("mounted", false)))
                }
                None => Ok(None),
            },
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let result = planned.clone().with("uuid", uuid::of_step(&call.token));
        if let Some(other) = at(connection, &path).await? {
            return Err(Fault::new(format!("{} is mounted at {path} already", other.source))
                .detail("Unmount it, choose another path, or import it."));
        }
        let mut made = Vec::new();
        match planned.opt_str("image")? {
            Some(image) => {
                let image = manageable(&call.base_dir, image)?;
                if exists(connection, &image).await? {
                    return Err(Fault::new(format!("{image} is there already, and mprov did not make it"))
                        .detail("Move it away, choose another path, or mount it and import it."));
                }
                made = parents::make(connection, &image, &call.token).await?;
                if let Err(fault) = self.make_image(call, planned, &image).await {
                    let new = pending(&image);
                    connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
                    mark::clear(connection, &image).await?;
                    parents::remove(connection, &image, &made).await?;
                    return Err(fault);
                }
            }
            None => {
                let device = absolute(&call.base_dir, planned.str("device")?)?;
                let label = planned.opt_str("label")?;
                device::format(connection, call, &device, kind(planned)?, label).await?;
            }
        }
        self.take_into_service(call, &path, result.with("parents", parents::value(&made)), false).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let old = manageable(&call.base_dir, prior.str("path")?)?;
        let mut result = planned.clone();
        for known in ["parents", "device_size"] {
            result.set(known, prior[known].clone());
        }
        if old != path {
            self.mounting(call, &old, prior)?.take_down(call).await?;
            parents::remove(connection, &old, &prior.strings("parents")?).await?;
            result.set("parents", parents::value(&[]));
        }
        if let (Some(image), Some(wanted)) = (planned.opt_str("image")?, planned.opt_str("size")?) {
            let image = manageable(&call.base_dir, image)?;
            extend(connection, call, &image, size::parse(wanted)?).await?;
        }
        if old == path && planned["options"] != prior["options"] {
            let mounting = self.mounting(call, &path, planned)?;
            if let Some(mount) = mounting.current().await? {
                mounting.remount(call, &mount).await?;
            }
        }
        // The plan leaves its size open where it is to grow.
        let grow = planned["device_size"].is_null();
        self.take_into_service(call, &path, result, grow).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        self.mounting(call, &path, prior)?.take_down(call).await?;
        let recorded = prior.strings("parents")?;
        if let Some(image) = prior.opt_str("image")? {
            let image = manageable(&call.base_dir, image)?;
            connection.remove_file(&image).await.map_err(cannot("remove", &image))?;
            mark::clear(connection, &image).await?;
            parents::remove(connection, &image, &recorded).await?;
        }
        parents::remove(connection, &path, &recorded).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        none_running(connection, call, &format!("the filesystem at {path} is still being made")).await?;
        let result = planned.clone().with("uuid", uuid::of_step(&call.token));
        let mut made = Vec::new();
        let ours = match planned.opt_str("image")? {
            Some(image) => {
                let image = manageable(&call.base_dir, image)?;
                made = parents::find(connection, &image, &call.token).await?;
                let new = pending(&image);
                connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
                exists(connection, &image).await?
                    && mark::get(connection, &image).await? == Some(Mark::Made(call.token.to_string()))
            }
            None => {
                let device = absolute(&call.base_dir, planned.str("device")?)?;
                device::may_hold(connection, &device, result.str("uuid")?).await?
            }
        };
        made.extend(parents::find(connection, &path, &call.token).await?);
        if !ours {
            return Ok(None);
        }
        let uuid = result.str("uuid")?.to_owned();
        let result = result.with("parents", parents::value(&made));
        let fault = match self.take_into_service(call, &path, result, false).await {
            Ok(found) => return Ok(Some(found)),
            Err(fault) => fault,
        };
        // What cannot be mounted was never complete: the next try starts from an empty device.
        if let Some(device) = planned.opt_str("device")?
            && device::clear(connection, call, &absolute(&call.base_dir, device)?, &uuid).await?
        {
            return Ok(None);
        }
        Err(fault)
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let path = manageable(&call.base_dir, id)?;
        let Some(mount) = at(connection, &path).await? else {
            return Err(Fault::new(format!("nothing is mounted at {path}"))
                .detail("The id of a filesystem is the path where it is mounted."));
        };
        if Kind::parse(&mount.kind).is_none() {
            return Err(Fault::new(format!("{path} is of type {}, which mprov does not make", mount.kind)));
        }
        let known = Object::new()
            .with("path", id)
            .with("type", mount.kind.as_str())
            .with("persist", true)
            .with("uuid", signature::filesystem(connection, &mount.source).await?.map(|found| found.uuid))
            .with("parents", parents::value(&[]));
        let known = match image_behind(connection, &mount).await? {
            Some(image) => {
                let bytes = file_size(connection, &image).await?.unwrap_or_default();
                known.with("image", image).with("size", size::exact(bytes))
            }
            None => known.with("device", mount.source.as_str()),
        };
        self.observed(call, &path, known).await
    }
}

impl HostFilesystem {
    fn mounting<'a>(
        &'a self,
        call: &Call,
        path: &'a str,
        attributes: &Object,
    ) -> Result<Mounting<'a>, Fault> {
        let source = match attributes.opt_str("image")? {
            Some(image) => Source::Image(manageable(&call.base_dir, image)?),
            None => Source::Device { uuid: attributes.str("uuid")?.to_owned() },
        };
        Ok(Mounting {
            connection: self.connection.as_ref(),
            fstab: &self.fstab,
            source,
            path,
            kind: kind(attributes)?,
            options: attributes.strings("options")?,
            persist: attributes.opt_bool("persist")? != Some(false),
        })
    }

    /// # Errors
    /// The image cannot become as the configuration says, or there is no room for it.
    async fn check_image(&self, image: &str, wanted: Option<&str>) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let what = format!("the filesystem in {image}");
        match (file_size(connection, image).await?, wanted) {
            (Some(now), Some(wanted)) => refuse_smaller(&what, wanted, now),
            (None, _) if exists(connection, folder(image)).await? => {
                room::require(connection, &what, folder(image), LITTLE).await
            }
            _ => Ok(()),
        }
    }

    async fn make_image(&self, call: &Call, planned: &Object, image: &str) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let new = pending(image);
        connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
        extend(connection, call, &new, size::parse(planned.str("size")?)?).await?;
        connection.set_mode(&new, 0o600).await.map_err(cannot("change the mode of", &new))?;
        let uuid = uuid::of_step(&call.token);
        kind(planned)?.format(connection, call, &uuid, planned.opt_str("label")?, &new).await?;
        mark::set(connection, &new, image, &Mark::Made(call.token.to_string())).await?;
        connection.sync(folder(image)).await.map_err(cannot("write to disk", &new))?;
        connection.rename(&new, image).await.map_err(cannot("give its name to", image))
    }

    /// Whether there is still what was made; a device that is away may come back.
    async fn is_there(&self, call: &Call, stored: &Object) -> Result<bool, Fault> {
        if let Some(image) = stored.opt_str("image")? {
            return Ok(file_size(self.connection.as_ref(), &manageable(&call.base_dir, image)?)
                .await?
                .is_some());
        }
        let device = absolute(&call.base_dir, stored.str("device")?)?;
        device::may_hold(self.connection.as_ref(), &device, stored.str("uuid")?).await
    }

    /// Mounts a filesystem that is complete and makes everything else as it is wanted. What was
    /// made is recorded whatever happens. Any number of times.
    async fn take_into_service(
        &self,
        call: &Call,
        path: &str,
        mut result: Object,
        grow: bool,
    ) -> Result<Object, Fault> {
        match self.settle(call, path, &mut result, grow).await {
            Ok(()) if grow => self.observed(call, path, result.with("device_size", Value::Null)).await,
            Ok(()) => self.observed(call, path, result).await,
            Err(fault) => {
                let now = self.observed(call, path, result.clone()).await;
                Err(fault.unfinished(now.unwrap_or(result)))
            }
        }
    }

    async fn settle(&self, call: &Call, path: &str, wanted: &mut Object, grow: bool) -> Result<(), Fault> {
        let connection = self.connection.as_ref();
        let mut made = wanted.strings("parents")?;
        made.extend(parents::make(connection, path, &call.token).await?);
        wanted.set("parents", parents::value(&made));
        let mounting = self.mounting(call, path, wanted)?;
        let mut mount = mounting.establish(call).await?;
        if grow {
            mount = mounting.fill_device(call, mount).await?;
        }
        let label = signature::filesystem(connection, &mount.source).await?.map(|found| found.label);
        match wanted.opt_str("label")? {
            Some(wanted) if label.as_deref() != Some(wanted) => {
                mounting.kind.set_label(connection, call, &mount, wanted).await?;
                connection.sync(path).await.map_err(cannot("write to disk", path))
            }
            _ => Ok(()),
        }
    }

    async fn observed(&self, call: &Call, path: &str, known: Object) -> Result<Object, Fault> {
        let connection = self.connection.as_ref();
        let mounting = self.mounting(call, path, &known)?;
        let mount = mounting.current().await?;
        let mut observed = known
            .clone()
            .with("absolute_path", path)
            .with("mounted", mount.is_some())
            .with("in_fstab", mounting.in_fstab().await?)
            .with("fills_device", true);
        let size = match (&mounting.source, &mount) {
            (Source::Image(image), _) => file_size(connection, image).await?,
            (Source::Device { .. }, Some(mount)) => Some(device::size(connection, &mount.source).await?),
            (Source::Device { .. }, None) => None,
        };
        if let Some(size) = size {
            let filled = known["device_size"].as_i64().and_then(|size| u64::try_from(size).ok());
            observed.set("device_size", Number::from(filled.unwrap_or(size)));
            observed.set("fills_device", filled.is_none_or(|filled| size <= filled));
        }
        if let Some(mount) = &mount {
            let label = signature::filesystem(connection, &mount.source).await?.map(|found| found.label);
            observed.set("label", label.filter(|label| !label.is_empty()));
        }
        Ok(observed)
    }
}

fn kind(attributes: &Object) -> Result<Kind, Fault> {
    let name = attributes.str("type")?;
    Kind::parse(name).ok_or_else(|| Fault::new(format!("a filesystem of type \"{name}\" cannot be made")))
}
