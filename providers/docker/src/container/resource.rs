use std::collections::HashMap;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{
    ContainerInspectResponse, ContainerSummary, NetworkConnectRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptions, ListVolumesOptions,
    RemoveContainerOptions, RenameContainerOptions, StartContainerOptions, StopContainerOptions,
};
use mprov_sdk::{Call, Fault, Object, Resource};

use super::body::{create_body, endpoint};
use super::diff::RESTARTING;
use super::readiness::{self, Readiness};
use super::{files, limits, observe, start};
use crate::connection::patient;
use crate::fault::{engine_fault, has_status, unless_gone};
use crate::lingering::Lingering;
use crate::{labels, volume};

pub struct ContainerResource {
    pub docker: Docker,
}

#[async_trait]
impl Resource for ContainerResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let id = stored.str("id")?;
        let Some(inspect) = self.inspect(id).await?.filter(|i| !observe::is_vanishing(i)) else {
            return Ok(None);
        };
        let mut seen = observe::observe(stored, &inspect);
        seen.set("file", files::read_back(&self.docker, id, stored).await?);
        Ok(Some(seen))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let id = match self.made_by(call).await?.and_then(|made| made.id) {
            Some(id) => id,
            None => self.make(call, planned).await?,
        };
        self.finish(call, &id, planned, false).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = prior.str("id")?;
        let name = planned.str("name")?;
        let Some(inspect) = self.inspect(id).await? else {
            return Err(Fault::new(format!("container {name} has vanished since the plan was made"))
                .detail("Somebody or something removed it. Plan again: it will be made anew."));
        };
        if observe::name(&inspect) != name {
            self.rename(id, name).await?;
        }
        if limits::IN_PLACE.iter().any(|n| !prior.get(n).same(planned.get(n))) {
            let body = limits::update_body(planned)?;
            self.docker
                .update_container(id, body)
                .await
                .map_err(|e| engine_fault(format!("limits of container {name} could not be changed"), &e))?;
        }
        let restarts = RESTARTING.iter().any(|n| !prior.get(n).same(planned.get(n)));
        self.finish(call, id, planned, restarts).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        let name = prior.str("name")?;
        call.events.progress("stopping");
        self.stop(id, name, prior).await?;
        call.events.progress("removing");
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        match self.docker.remove_container(id, Some(options)).await {
            Err(error) if has_status(&error, 409) => self.removal_in_progress(id, name, &error).await?,
            Err(error) if !has_status(&error, 404) => {
                return Err(engine_fault(format!("container {name} could not be removed"), &error));
            }
            _ => {}
        }
        // Gone with the container, unless that was removed by hand.
        match prior.opt_str("secrets_volume")? {
            Some(secrets) => volume::remove(&self.docker, secrets).await,
            None => Ok(()),
        }
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let lingering = Lingering::begin();
        let inspect = loop {
            match self.made_by(call).await? {
                Some(made) => break made,
                None if lingering.goes_on().await => {}
                None => return Ok(None),
            }
        };
        let made = self.complete(planned, &inspect)?;
        let wants_start = planned.opt_bool("stopped")? != Some(true);
        if !(wants_start && observe::never_started(&inspect)) && Readiness::of(planned)?.is_reached(&inspect)
        {
            return Ok(Some(made));
        }
        let name = planned.str("name")?;
        Err(Fault::new(format!("container {name} was made, but not brought to its end"))
            .detail("The next apply finishes it.")
            .unfinished(made))
    }

    /// The engine goes on with a stop when its client has died, and nothing tells that it does:
    /// a second stop ends when the first one has.
    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        call.events.progress("stopping");
        self.stop(prior.str("id")?, prior.str("name")?, prior).await?;
        self.read(call, prior).await
    }

    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        let inspect = self.inspect(id).await?.ok_or_else(|| {
            Fault::new(format!("there is no container {id}")).detail("`docker ps -a` lists what there is.")
        })?;
        let image = inspect.image.clone().unwrap_or_default();
        let image =
            self.docker.inspect_image(&image).await.map_err(|e| {
                engine_fault(format!("the image of container {id} could not be inspected"), &e)
            })?;
        Ok(super::import::attributes(&inspect, &image))
    }
}

impl ContainerResource {
    async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>, Fault> {
        unless_gone(self.docker.inspect_container(id, None::<InspectContainerOptions>).await)
            .map_err(|e| engine_fault(format!("container {id} could not be inspected"), &e))
    }

    async fn list(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<ContainerSummary>, Fault> {
        let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        self.docker
            .list_containers(Some(options))
            .await
            .map_err(|e| engine_fault("containers could not be listed", &e))
    }

    /// What an earlier try of this step has made. The engine may take back what a client that died
    /// has asked for: that is still listed for a moment, but counts as gone.
    async fn made_by(&self, call: &Call) -> Result<Option<ContainerInspectResponse>, Fault> {
        for id in self.list(labels::token_filter(call)).await?.into_iter().filter_map(|c| c.id) {
            let inspect = self.inspect(&id).await?;
            if let Some(made) = inspect.filter(|i| !observe::is_vanishing(i)) {
                return Ok(Some(made));
            }
        }
        Ok(None)
    }

    async fn make(&self, call: &Call, planned: &Object) -> Result<String, Fault> {
        let name = planned.str("name")?;
        let what = format!("container {name} could not be created");
        if let Some(taken) = self.inspect(name).await?.filter(|i| observe::name(i) == name) {
            return Err(name_taken(name, &taken));
        }
        let image = planned.str("image")?;
        let image_id = match unless_gone(self.docker.inspect_image(image).await) {
            Ok(Some(found)) => found.id.unwrap_or_else(|| image.to_owned()),
            Ok(None) => {
                return Err(Fault::new(what).detail(format!(
                    "The Docker engine has no image {image}. Make it with a docker_image resource and refer to \
                     that resource's id here."
                )));
            }
            Err(error) => return Err(engine_fault(what, &error)),
        };
        self.clear_leftovers(name).await?;
        let body = create_body(call, planned, &image_id)?;
        let options = CreateContainerOptions { name: Some(name.to_owned()), ..Default::default() };
        call.events.progress("creating");
        match self.docker.create_container(Some(options), body).await {
            Ok(made) => Ok(made.id),
            Err(error) => Err(create_fault(what, &error)),
        }
    }

    /// Removes secrets of a container of that name that was removed by hand, without its volumes.
    async fn clear_leftovers(&self, name: &str) -> Result<(), Fault> {
        let filters = HashMap::from([
            ("label".to_owned(), vec![format!("{}={name}", labels::SECRETS)]),
            ("dangling".to_owned(), vec!["true".to_owned()]),
        ]);
        let leftovers = self
            .docker
            .list_volumes(Some(ListVolumesOptions { filters: Some(filters) }))
            .await
            .map_err(|e| engine_fault("volumes could not be listed", &e))?;
        for leftover in leftovers.volumes.unwrap_or_default() {
            volume::remove(&self.docker, &leftover.name).await?;
        }
        Ok(())
    }

    /// Brings a container that exists to its end: networks, files, running, healthy.
    async fn finish(&self, call: &Call, id: &str, planned: &Object, restarts: bool) -> Result<Object, Fault> {
        let result = self.converge(call, id, planned, restarts).await;
        let name = planned.str("name")?;
        let inspect = self.inspect(id).await?.ok_or_else(|| {
            Fault::new(format!("container {name} vanished while it was being made"))
                .detail("Somebody or something else removed it.")
        })?;
        let now = self.complete(planned, &inspect)?;
        match result {
            Ok(()) => Ok(now),
            Err(fault) => Err(fault.unfinished(now)),
        }
    }

    async fn converge(&self, call: &Call, id: &str, planned: &Object, restarts: bool) -> Result<(), Fault> {
        let name = planned.str("name")?;
        let inspect = self.inspect(id).await?;
        let Some(inspect) = inspect else { return Err(Fault::new(format!("container {name} has vanished"))) };
        self.converge_networks(id, name, planned, &inspect).await?;
        let is_new = observe::never_started(&inspect);
        let stopped = planned.opt_bool("stopped")?.unwrap_or(false);
        if (restarts || stopped) && !is_new {
            // Stopped first: were the new files there and this process killed before the restart,
            // nothing would show that the container still runs with the old ones.
            call.events.progress("stopping");
            self.stop(id, name, planned).await?;
        }
        if restarts || is_new {
            files::upload_all(&self.docker, id, planned).await?;
        }
        if stopped {
            return Ok(());
        }
        if restarts || is_new || Readiness::of(planned)?.needs_start(&inspect) {
            call.events.progress("starting");
            self.start(id, planned, &inspect).await?;
        }
        readiness::wait(&self.docker, id, planned, call).await
    }

    async fn converge_networks(
        &self,
        id: &str,
        name: &str,
        planned: &Object,
        inspect: &ContainerInspectResponse,
    ) -> Result<(), Fault> {
        let wanted = planned.blocks("network")?;
        if wanted.is_empty() {
            return Ok(());
        }
        let present = observe::endpoints(inspect);
        let fits = |network: &str, endpoint| {
            let block = wanted.iter().find(|block| observe::means(block, network, endpoint));
            block.is_some_and(|block| observe::agrees(block, inspect, endpoint))
        };
        let (kept, dropped): (Vec<_>, Vec<_>) = present.iter().partition(|(n, e)| fits(n, e));
        for (network, _) in dropped {
            let request = NetworkDisconnectRequest { container: id.to_owned(), force: Some(true) };
            match self.docker.disconnect_network(network, request).await {
                Err(error) if !has_status(&error, 404) => {
                    let what = format!("container {name} could not be taken out of network {network}");
                    return Err(engine_fault(what, &error));
                }
                _ => {}
            }
        }
        for block in wanted {
            if kept.iter().any(|(n, e)| observe::means(block, n, e)) {
                continue;
            }
            let network = block.str("name")?;
            let request =
                NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(endpoint(block)?) };
            self.docker.connect_network(network, request).await.map_err(|e| {
                engine_fault(format!("container {name} could not be put into network {network}"), &e)
            })?;
        }
        Ok(())
    }

    async fn start(
        &self,
        id: &str,
        planned: &Object,
        inspect: &ContainerInspectResponse,
    ) -> Result<(), Fault> {
        let is_paused = inspect.state.as_ref().is_some_and(|s| s.paused == Some(true));
        if is_paused
            && let Err(error) = self.docker.unpause_container(id).await
            && !has_status(&error, 409)
            && !has_status(&error, 500)
        {
            return Err(engine_fault("a paused container could not be woken", &error));
        }
        match patient(&self.docker).start_container(id, None::<StartContainerOptions>).await {
            Ok(()) => Ok(()),
            Err(error) => Err(start::start_fault(&self.docker, id, planned, &error).await),
        }
    }

    async fn stop(&self, id: &str, name: &str, attributes: &Object) -> Result<(), Fault> {
        let seconds = attributes.opt_i64("stop_timeout")?;
        let options = StopContainerOptions { t: seconds.and_then(|s| i32::try_from(s).ok()), signal: None };
        match patient(&self.docker).stop_container(id, Some(options)).await {
            Err(error) if !has_status(&error, 404) => {
                Err(engine_fault(format!("container {name} could not be stopped"), &error))
            }
            _ => Ok(()),
        }
    }

    async fn rename(&self, id: &str, name: &str) -> Result<(), Fault> {
        if let Some(taken) = self.inspect(name).await?.filter(|i| observe::name(i) == name) {
            return Err(name_taken(name, &taken));
        }
        self.docker
            .rename_container(id, RenameContainerOptions { name: name.to_owned() })
            .await
            .map_err(|e| engine_fault(format!("the container could not be renamed to {name}"), &e))
    }

    /// Somebody else removes it too: done when it is gone.
    async fn removal_in_progress(
        &self,
        id: &str,
        name: &str,
        error: &bollard::errors::Error,
    ) -> Result<(), Fault> {
        for _ in 0..100 {
            if self.inspect(id).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(engine_fault(format!("container {name} could not be removed"), error))
    }

    fn complete(&self, planned: &Object, inspect: &ContainerInspectResponse) -> Result<Object, Fault> {
        let mut made = observe::observe(planned, inspect);
        let mounts = inspect.mounts.iter().flatten();
        let secrets = mounts.filter(|m| m.destination.as_deref() == Some(files::SECRETS_FOLDER));
        let volume = secrets.filter_map(|m| m.name.clone()).next();
        let is_ours = !planned.elements("secret")?.is_empty();
        made.set("secrets_volume", volume.filter(|_| is_ours));
        Ok(made)
    }
}

fn create_fault(what: String, error: &bollard::errors::Error) -> Fault {
    let message = crate::fault::message(error);
    if let Some((_, path)) = message.split_once("bind source path does not exist: ") {
        return Fault::new(what).detail(format!(
            "There is no {path} on the engine's machine, which a mount wants. Make it first (for example as a \
             host_directory) and refer to that resource in \"source\"."
        ));
    }
    engine_fault(what, error)
}

fn name_taken(name: &str, taken: &ContainerInspectResponse) -> Fault {
    let labels = taken.config.as_ref().and_then(|c| c.labels.as_ref());
    let id = taken.id.as_deref().unwrap_or_default();
    Fault::new(format!("a container named {name} exists already")).detail(format!(
        "It is {}, id {}. Remove it (`docker rm -f {name}`), choose another name, or take it over with an \
         `import` block.",
        labels::owner(labels),
        &id[..id.len().min(12)]
    ))
}
