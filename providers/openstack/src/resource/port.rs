use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Map, Value as Json, json};

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;

pub const KIND: &str = "openstack_port";
pub const THING: Thing = Thing { singular: "port", plural: "ports", word: "port" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A place in a network, with its address, that an instance can be put on and that outlives it.",
        [
            ("name", Attribute::optional(Type::String, "Its name.")),
            ("network_id", Attribute::required(Type::String, "The network.").replaces()),
            (
                "subnet_id",
                Attribute::optional_computed(Type::String, "The subnet that the address is of.").replaces(),
            ),
            (
                "ip_address",
                Attribute::optional_computed(
                    Type::String,
                    "The address; Neutron chooses one where none is given.",
                )
                .replaces(),
            ),
            (
                "security_group_ids",
                Attribute::optional_computed(
                    Type::set(Type::String),
                    "What may come in and go out; the project's default group where nothing is said.",
                ),
            ),
            ("mac_address", Attribute::computed(Type::String, "Its hardware address.")),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct PortResource {
    pub api: Arc<Api>,
}

#[async_trait]
impl Resource for PortResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|port| observed(stored, &port)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let fixed = neutron::body([
            ("subnet_id", neutron::text(planned, "subnet_id")?),
            ("ip_address", neutron::text(planned, "ip_address")?),
        ]);
        let groups = match planned.get("security_group_ids").is_null() {
            true => Json::Null,
            false => planned.strings("security_group_ids")?.into(),
        };
        let body = neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("network_id", neutron::text(planned, "network_id")?),
            ("fixed_ips", if fixed == json!({}) { Json::Null } else { json!([fixed]) }),
            ("security_groups", groups),
        ]);
        let made = THING.create(&self.api, call, "", body).await?;
        Ok(observed(planned, &made))
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let mut body = Map::new();
        for (name, value) in neutron::changes(prior, planned, &["name", "security_group_ids"])? {
            match name {
                "name" => body.insert("name".into(), value.as_str().unwrap_or_default().into()),
                _ => body.insert("security_groups".into(), value),
            };
        }
        let port = THING.update(&self.api, call, planned.str("id")?, Json::Object(body)).await?;
        Ok(observed(planned, &port))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.find(&self.api, call, "").await?;
        Ok(found.map(|port| observed(planned, &port)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, port: &Json) -> Object {
    let fixed = &port["fixed_ips"][0];
    let groups = json::items(&port["security_groups"]).iter().filter_map(Json::as_str);
    attributes
        .clone()
        .with("id", json::text(&port["id"]))
        .with("name", json::text_like(json::str(port, "name"), attributes.get("name")))
        .with("network_id", json::text(&port["network_id"]))
        .with("subnet_id", json::text(&fixed["subnet_id"]))
        .with("ip_address", json::text(&fixed["ip_address"]))
        .with("security_group_ids", json::strings(groups))
        .with("mac_address", json::text(&port["mac_address"]))
}
