use std::collections::HashMap;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type, Value};

use crate::fault::{engine_fault, has_status, unless_gone};
use crate::labels;
use crate::lingering::Lingering;

pub const KIND: &str = "docker_network";

/// Everything but the generated values is fixed when a network is made: Docker cannot change one.
pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A network of containers, which find each other in it by name.",
        [
            ("name", Attribute::required(Type::String, "Its name in Docker.").replaces()),
            ("driver", Attribute::optional(Type::String, "The network driver.").default("bridge").replaces()),
            (
                "internal",
                Attribute::optional(Type::Bool, "Cuts it off from the outside world.")
                    .default(false)
                    .replaces(),
            ),
            ("ipv6", Attribute::optional(Type::Bool, "Gives IPv6 addresses too.").default(false).replaces()),
            (
                "subnet",
                Attribute::optional_computed(
                    Type::String,
                    "Addresses as a CIDR range; Docker chooses one where none is given.",
                )
                .replaces(),
            ),
            (
                "gateway",
                Attribute::optional_computed(Type::String, "Address of the gateway inside \"subnet\".")
                    .replaces(),
            ),
            ("labels", Attribute::optional(Type::map(Type::String), "Labels of the network.").replaces()),
            ("options", Attribute::optional(Type::map(Type::String), "Options of the driver.").replaces()),
            ("id", Attribute::computed(Type::String, "Docker's id of the network.")),
        ],
    )
}

pub struct NetworkResource {
    pub docker: Docker,
}

impl NetworkResource {
    async fn inspect(&self, id: &str) -> Result<Option<NetworkInspect>, Fault> {
        unless_gone(self.docker.inspect_network(id, None::<InspectNetworkOptions>).await)
            .map_err(|e| engine_fault(format!("network {id} could not be inspected"), &e))
    }

    async fn list(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<Network>, Fault> {
        self.docker
            .list_networks(Some(ListNetworksOptions { filters: Some(filters) }))
            .await
            .map_err(|e| engine_fault("networks could not be listed", &e))
    }

    /// What an earlier try of this step has made.
    async fn made_by(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let Some(id) = self.list(labels::token_filter(call)).await?.into_iter().find_map(|n| n.id) else {
            return Ok(None);
        };
        Ok(self.inspect(&id).await?.map(|network| with_generated(planned, &network)))
    }

    /// Docker allows several networks of one name, so names are checked here.
    async fn refuse_taken_name(&self, name: &str) -> Result<(), Fault> {
        let similar = self.list(HashMap::from([("name".into(), vec![name.to_owned()])])).await?;
        let Some(taken) = similar.into_iter().find(|n| n.name.as_deref() == Some(name)) else {
            return Ok(());
        };
        let id = taken.id.unwrap_or_default();
        Err(Fault::new(format!("a network named {name} exists already")).detail(format!(
            "It is {}, id {id}. Remove it (`docker network rm {id}`), choose another name, or take it over \
             with an `import` block.",
            labels::owner(taken.labels.as_ref())
        )))
    }
}

#[async_trait]
impl Resource for NetworkResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = self.inspect(stored.str("id")?).await?;
        Ok(found.map(|network| with_generated(stored, &network)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        if let Some(made) = self.made_by(call, planned).await? {
            return Ok(made);
        }
        let name = planned.str("name")?;
        self.refuse_taken_name(name).await?;
        let response = self
            .docker
            .create_network(request(call, planned)?)
            .await
            .map_err(|e| engine_fault(format!("network {name} could not be created"), &e))?;
        let made = self.inspect(&response.id).await?;
        let made =
            made.ok_or_else(|| Fault::new(format!("network {name} vanished right after it was made")))?;
        Ok(with_generated(planned, &made))
    }

    async fn update(&self, _call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        Err(Fault::new(format!("network {} cannot be changed in place", planned.str("name")?))
            .detail("Docker fixes networks when they are made. Plan again: it has to be replaced."))
    }

    async fn delete(&self, _call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        let Err(error) = self.docker.remove_network(id).await else { return Ok(()) };
        if has_status(&error, 404) {
            return Ok(());
        }
        let name = prior.str("name")?;
        let fault = engine_fault(format!("network {name} could not be removed"), &error);
        let users = self.inspect(id).await?.and_then(|n| n.containers).unwrap_or_default();
        if users.is_empty() {
            return Err(fault);
        }
        let users: Vec<String> = users.into_values().filter_map(|endpoint| endpoint.name).collect();
        Err(fault.detail(format!(
            "Containers that mprov does not manage here still use it: {}. Disconnect or remove them, then run \
             the command again.",
            users.join(", ")
        )))
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
        let network = self.inspect(id).await?.ok_or_else(|| {
            Fault::new(format!("there is no network {id}")).detail("`docker network ls` lists what there is.")
        })?;
        Ok(observed(&network))
    }
}

fn request(call: &Call, planned: &Object) -> Result<NetworkCreateRequest, Fault> {
    let config = IpamConfig {
        subnet: planned.opt_str("subnet")?.map(str::to_owned),
        gateway: planned.opt_str("gateway")?.map(str::to_owned),
        ..IpamConfig::default()
    };
    Ok(NetworkCreateRequest {
        name: planned.str("name")?.to_owned(),
        driver: planned.opt_str("driver")?.map(str::to_owned),
        internal: planned.opt_bool("internal")?,
        enable_ipv6: planned.opt_bool("ipv6")?,
        ipam: config.subnet.is_some().then(|| Ipam { config: Some(vec![config]), ..Ipam::default() }),
        options: Some(planned.string_map("options")?.into_iter().collect()),
        labels: Some(labels::stamped(planned.string_map("labels")?, call)),
        ..NetworkCreateRequest::default()
    })
}

/// The attributes with what Docker has decided. The rest cannot drift: it is fixed for an id.
fn with_generated(attributes: &Object, network: &NetworkInspect) -> Object {
    let mut object = attributes.clone();
    object.set("id", network.id.clone());
    let addresses = first_range(network);
    for (name, value) in [
        ("subnet", addresses.and_then(|c| c.subnet.clone())),
        ("gateway", addresses.and_then(|c| c.gateway.clone())),
    ] {
        // Docker may report the gateway with the length of the prefix behind it.
        let value = value.map(|v| if name == "gateway" { without_prefix(&v) } else { v });
        if attributes.get(name).is_null() || attributes.get(name).is_unknown() {
            object.set(name, value);
        }
    }
    object
}

/// Every attribute, for a network that is imported or looked up.
pub fn observed(network: &NetworkInspect) -> Object {
    let options = network.options.clone().unwrap_or_default();
    let options = match options.is_empty() {
        true => Value::Null,
        false => Value::map(options.into_iter().map(|(k, v)| (k, Value::from(v)))),
    };
    let attributes = Object::new()
        .with("name", network.name.clone())
        .with("driver", network.driver.clone())
        .with("internal", network.internal.unwrap_or_default())
        .with("ipv6", network.enable_ipv6.unwrap_or_default())
        .with("labels", labels::foreign(network.labels.as_ref()))
        .with("options", options);
    with_generated(&attributes, network)
}

fn first_range(network: &NetworkInspect) -> Option<&IpamConfig> {
    network.ipam.as_ref()?.config.as_ref()?.first()
}

fn without_prefix(address: &str) -> String {
    address.split('/').next().unwrap_or_default().to_owned()
}
