use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use super::neutron::{self, Thing};
use super::port;
use crate::api::Api;
use crate::json;
use crate::service::Service;

pub const KIND: &str = "openstack_router";
const THING: Thing = Thing { singular: "router", plural: "routers", word: "router" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Joins subnets with each other and with the world.",
        [
            ("name", Attribute::required(Type::String, "Its name.")),
            (
                "external_network_id",
                Attribute::optional(Type::String, "The external network that it leads to."),
            ),
            (
                "subnet_ids",
                Attribute::optional(Type::set(Type::String), "Subnets that it is the gateway of."),
            ),
            (
                "external_address",
                Attribute::computed(Type::String, "Its address in the external network; null without one.")
                    .recomputed_by(["external_network_id"]),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct RouterResource {
    pub api: Arc<Api>,
}

impl RouterResource {
    /// The subnets that it has an interface in. Neutron tells them by the router's ports.
    async fn subnets(&self, call: &Call, id: &str) -> Result<Vec<String>, Fault> {
        let ports = port::THING.list(&self.api, call, &[("device_id", id)]).await;
        let ports = ports.map_err(|e| e.fault(format!("the interfaces of router {id} cannot be listed")))?;
        let inside =
            ports.iter().filter(|p| json::str(p, "device_owner").starts_with("network:router_interface"));
        let fixed = inside.flat_map(|p| json::items(&p["fixed_ips"]));
        Ok(fixed.map(|ip| json::str(ip, "subnet_id").to_owned()).collect())
    }

    async fn interface(&self, call: &Call, id: &str, action: &str, subnet: &str) -> Result<(), Fault> {
        let path = format!("/routers/{id}/{action}");
        let asked = self.api.put(call, Service::Network, &path, &json!({"subnet_id": subnet})).await;
        match asked {
            Ok(_) => Ok(()),
            // It was removed together with the subnet.
            Err(e) if e.has_status(404) && action == REMOVE => Ok(()),
            Err(e) => {
                Err(e.fault(format!("the interface of router {id} in subnet {subnet} could not be changed")))
            }
        }
    }

    /// Gives it the interfaces that are wanted, and no others.
    async fn join(&self, call: &Call, id: &str, wanted: &[String]) -> Result<(), Fault> {
        let now = self.subnets(call, id).await?;
        for gone in now.iter().filter(|subnet| !wanted.contains(subnet)) {
            self.interface(call, id, REMOVE, gone).await?;
        }
        for new in wanted.iter().filter(|subnet| !now.contains(subnet)) {
            self.interface(call, id, ADD, new).await?;
        }
        Ok(())
    }

    async fn completed(&self, call: &Call, planned: &Object, router: &Json) -> Result<Object, Fault> {
        let id = neutron::id(router);
        let joined = self.join(call, id, &planned.strings("subnet_ids")?).await;
        let object = observed(planned, router, &self.subnets(call, id).await?);
        match joined {
            Ok(()) => Ok(object),
            Err(fault) => Err(fault.unfinished(object)),
        }
    }
}

const ADD: &str = "add_router_interface";
const REMOVE: &str = "remove_router_interface";

#[async_trait]
impl Resource for RouterResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let id = stored.str("id")?;
        let Some(router) = THING.read(&self.api, call, id).await? else { return Ok(None) };
        Ok(Some(observed(stored, &router, &self.subnets(call, id).await?)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let body = neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("external_gateway_info", gateway(planned)?),
        ]);
        let made = THING.create(&self.api, call, "", body).await?;
        self.completed(call, planned, &made).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = planned.str("id")?;
        let now = THING.expect(&self.api, call, id).await?;
        let mut body = json!({"name": planned.str("name")?});
        // The gateway is told only when it changes: otherwise it would get another address.
        if now["external_gateway_info"]["network_id"].as_str() != planned.opt_str("external_network_id")? {
            body["external_gateway_info"] = match gateway(planned)? {
                Json::Null => json!({}),
                gateway => gateway,
            };
        }
        let router = THING.update(&self.api, call, id, body).await?;
        self.completed(call, planned, &router).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        self.join(call, id, &[]).await?;
        THING.delete(&self.api, call, id).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        match THING.find(&self.api, call, "").await? {
            Some(router) => self.completed(call, planned, &router).await.map(Some),
            None => Ok(None),
        }
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let router = THING.expect(&self.api, call, id).await?;
        Ok(observed(&Object::new(), &router, &self.subnets(call, id).await?))
    }
}

fn gateway(planned: &Object) -> Result<Json, Fault> {
    Ok(match planned.opt_str("external_network_id")? {
        Some(network) => json!({"network_id": network}),
        None => Json::Null,
    })
}

fn observed(attributes: &Object, router: &Json, subnets: &[String]) -> Object {
    let gateway = &router["external_gateway_info"];
    let subnets = json::strings(subnets.iter().map(String::as_str));
    attributes
        .clone()
        .with("id", json::text(&router["id"]))
        .with("name", json::text(&router["name"]))
        .with("external_network_id", json::text(&gateway["network_id"]))
        .with("external_address", json::text(&gateway["external_fixed_ips"][0]["ip_address"]))
        .with("subnet_ids", json::set_like(subnets, attributes.get("subnet_ids")))
}
