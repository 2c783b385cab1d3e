use std::collections::HashMap;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListContainersOptions, ListVolumesOptions, RemoveVolumeOptions};
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type, Value};

use crate::fault::{engine_fault, has_status, unless_gone};
use crate::labels;
use crate::lingering::Lingering;

pub const KIND: &str = "docker_volume";

/// Docker cannot change a volume: every change replaces it, and its data with it.
pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A volume that Docker keeps.",
        [
            ("name", Attribute::required(Type::String, "Its name in Docker.").replaces()),
            ("driver", Attribute::optional(Type::String, "The volume driver.").default("local").replaces()),
            (
                "driver_opts",
                Attribute::optional(Type::map(Type::String), "Options of the driver.").replaces(),
            ),
            ("labels", Attribute::optional(Type::map(Type::String), "Labels of the volume.").replaces()),
            ("mountpoint", Attribute::computed(Type::String, "Where it lies on the engine's machine.")),
        ],
    )
    .holds_data("everything in the volume")
}

pub struct VolumeResource {
    pub docker: Docker,
}

impl VolumeResource {
    async fn inspect(&self, name: &str) -> Result<Option<Volume>, Fault> {
        unless_gone(self.docker.inspect_volume(name).await)
            .map_err(|e| engine_fault(format!("volume {name} could not be inspected"), &e))
    }

    /// What an earlier try of this step has made.
    async fn made_by(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let options = ListVolumesOptions { filters: Some(labels::token_filter(call)) };
        let found = self
            .docker
            .list_volumes(Some(options))
            .await
            .map_err(|e| engine_fault("volumes could not be listed", &e))?;
        let name = planned.str("name")?;
        let made = found.volumes.unwrap_or_default().into_iter().find(|v| v.name == name);
        Ok(made.map(|volume| planned.clone().with("mountpoint", volume.mountpoint)))
    }
}

#[async_trait]
impl Resource for VolumeResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let Some(volume) = self.inspect(stored.str("name")?).await? else { return Ok(None) };
        let mut object = stored.clone();
        let now = observed(&volume);
        // A volume has no id: one that was removed and made again by hand keeps its name and may
        // differ in the rest.
        for name in ["driver", "mountpoint", "labels", "driver_opts"] {
            let empty = |v: &Value| v.is_null() || v.as_object().is_some_and(Object::is_empty);
            if !(empty(stored.get(name)) && empty(now.get(name))) {
                object.set(name, now.get(name).clone());
            }
        }
        Ok(Some(object))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        if let Some(made) = self.made_by(call, planned).await? {
            return Ok(made);
        }
        let name = planned.str("name")?;
        if let Some(taken) = self.inspect(name).await? {
            return Err(name_taken(name, &taken));
        }
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: planned.opt_str("driver")?.map(str::to_owned),
            driver_opts: Some(planned.string_map("driver_opts")?.into_iter().collect()),
            labels: Some(labels::stamped(planned.string_map("labels")?, call)),
            ..VolumeCreateRequest::default()
        };
        let made = self
            .docker
            .create_volume(request)
            .await
            .map_err(|e| engine_fault(format!("volume {name} could not be created"), &e))?;
        // Docker answers with an existing volume of that name where one has appeared meanwhile.
        match labels::is_made_by(Some(&made.labels), call) {
            true => Ok(planned.clone().with("mountpoint", made.mountpoint)),
            false => Err(name_taken(name, &made)),
        }
    }

    async fn update(&self, _call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        Err(Fault::new(format!("volume {} cannot be changed in place", planned.str("name")?))
            .detail("Docker fixes volumes when they are made. Plan again: it has to be replaced."))
    }

    async fn delete(&self, _call: &Call, prior: &Object) -> Result<(), Fault> {
        remove(&self.docker, prior.str("name")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let lingering = Lingering::begin();
        loop {
            match self.made_by(call, planned).await? {
                None if lingering.goes_on().await => {}
                found => return Ok(found),
            }
        }
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        let lingering = Lingering::begin();
        loop {
            match self.read(call, prior).await? {
                Some(_) if lingering.goes_on().await => {}
                left => return Ok(left),
            }
        }
    }

    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        let volume = self.inspect(id).await?.ok_or_else(|| {
            Fault::new(format!("there is no volume {id}")).detail("`docker volume ls` lists what there is.")
        })?;
        Ok(observed(&volume).with("name", id))
    }
}

/// Removes a volume; that it is gone already is success.
pub async fn remove(docker: &Docker, name: &str) -> Result<(), Fault> {
    let Err(error) = docker.remove_volume(name, None::<RemoveVolumeOptions>).await else { return Ok(()) };
    if has_status(&error, 404) {
        return Ok(());
    }
    let fault = engine_fault(format!("volume {name} could not be removed"), &error);
    let filters = HashMap::from([("volume".to_owned(), vec![name.to_owned()])]);
    let users = docker
        .list_containers(Some(ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..Default::default()
        }))
        .await
        .unwrap_or_default();
    if users.is_empty() {
        return Err(fault);
    }
    let users: Vec<String> = users
        .into_iter()
        .flat_map(|c| c.names.unwrap_or_default())
        .map(|n| n.trim_start_matches('/').to_owned())
        .collect();
    Err(fault.detail(format!(
        "Containers that mprov does not manage here still use it: {}. Remove them, then run the command again.",
        users.join(", ")
    )))
}

fn observed(volume: &Volume) -> Object {
    let options: Vec<_> = volume.options.iter().map(|(k, v)| (k.as_str(), Value::from(v.as_str()))).collect();
    Object::new()
        .with("driver", volume.driver.clone())
        .with("driver_opts", if options.is_empty() { Value::Null } else { Value::map(options) })
        .with("labels", labels::foreign(Some(&volume.labels)))
        .with("mountpoint", volume.mountpoint.clone())
}

fn name_taken(name: &str, taken: &Volume) -> Fault {
    Fault::new(format!("a volume named {name} exists already")).detail(format!(
        "It is {}. Choose another name, take it over with an `import` block, or, if nothing in it is needed, \
         remove it (`docker volume rm {name}`).",
        labels::owner(Some(&taken.labels))
    ))
}
