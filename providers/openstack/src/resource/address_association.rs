use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Impact, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use super::{address, port};
use crate::api::Api;
use crate::json;

pub const KIND: &str = "openstack_address_association";

/// Routers learn of a move at once, neighbours outside within this time.
const MOVE: Duration = Duration::from_secs(5);

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "What is behind a floating IP. It moves in place.",
        [
            ("address_id", Attribute::required(Type::String, "The floating IP.").replaces()),
            (
                "instance_id",
                Attribute::optional(Type::String, "The instance, whose first port is taken.")
                    .impact(Impact::downtime(MOVE)),
            ),
            (
                "port_id",
                Attribute::optional_computed(Type::String, "The port, instead of an instance.")
                    .recomputed_by(["instance_id"])
                    .impact(Impact::downtime(MOVE)),
            ),
            ("id", Attribute::computed(Type::String, "The id of the floating IP.")),
        ],
    )
    .delete_impact(Impact::downtime(MOVE))
}

pub struct AssociationResource {
    pub api: Arc<Api>,
}

impl AssociationResource {
    async fn wanted_port(&self, call: &Call, planned: &Object) -> Result<String, Fault> {
        let Some(instance) = planned.opt_str("instance_id")? else {
            return Ok(planned.str("port_id")?.to_owned());
        };
        let ports = port::THING.list(&self.api, call, &[("device_id", instance)]).await;
        let ports =
            ports.map_err(|e| e.fault(format!("the ports of instance {instance} cannot be listed")))?;
        ports.first().map(|p| json::str(p, "id").to_owned()).ok_or_else(|| {
            Fault::new(format!("instance {instance} has no port that an address could lead to"))
                .detail("It is gone, or on no network.")
        })
    }

    async fn associate(&self, call: &Call, planned: &Object, port: &str) -> Result<Object, Fault> {
        let id = planned.str("address_id")?;
        let made = address::THING.update(&self.api, call, id, json!({"port_id": port})).await?;
        Ok(observed(planned, &made))
    }
}

#[async_trait]
impl Resource for AssociationResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = address::THING.read(&self.api, call, stored.str("address_id")?).await?;
        let found = found.filter(|address| address["port_id"].is_string());
        Ok(found.map(|address| observed(stored, &address)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let port = self.wanted_port(call, planned).await?;
        let id = planned.str("address_id")?;
        let now = address::THING.expect(&self.api, call, id).await?;
        if let Some(other) = now["port_id"].as_str().filter(|other| *other != port) {
            return Err(Fault::new(format!("floating IP {id} leads elsewhere already")).detail(format!(
                "It leads to port {other}. Take that away first, or take it over with an `import` block."
            )));
        }
        self.associate(call, planned, &port).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let port = self.wanted_port(call, planned).await?;
        self.associate(call, planned, &port).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("address_id")?;
        // Somebody else may have moved it meanwhile, which is none of this resource's business.
        let now = address::THING.read(&self.api, call, id).await?;
        if now.is_some_and(|address| address["port_id"].as_str() == prior.get("port_id").as_str()) {
            address::THING.update(&self.api, call, id, json!({"port_id": null})).await?;
        }
        Ok(())
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let port = self.wanted_port(call, planned).await?;
        let now = address::THING.read(&self.api, call, planned.str("address_id")?).await?;
        let now = now.filter(|address| address["port_id"] == *port);
        Ok(now.map(|address| observed(planned, &address)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let address = address::THING.expect(&self.api, call, id).await?;
        match address["port_id"].is_string() {
            true => Ok(observed(&Object::new(), &address)),
            false => Err(Fault::new(format!("floating IP {id} leads nowhere"))
                .detail("There is no association to take over.")),
        }
    }
}

fn observed(attributes: &Object, address: &Json) -> Object {
    let port = json::text(&address["port_id"]);
    let mut object = attributes
        .clone()
        .with("id", json::text(&address["id"]))
        .with("address_id", json::text(&address["id"]));
    // An address that was moved by hand is not behind that instance any more.
    let moved = attributes.get("port_id").as_str().is_some() && !attributes.get("port_id").same(&port);
    if moved && !attributes.get("instance_id").is_null() {
        let details = &address["port_details"];
        object.set("instance_id", json::filled(&details["device_id"]));
    }
    object.set("port_id", port);
    object
}
