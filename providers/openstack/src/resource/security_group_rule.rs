use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type, Value};
use serde_json::{Value as Json, json};

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;
use crate::mark;

pub const KIND: &str = "openstack_security_group_rule";
const THING: Thing =
    Thing { singular: "security_group_rule", plural: "security_group_rules", word: "security group rule" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "One rule of a security group.",
        [
            (
                "security_group_id",
                Attribute::required(Type::String, "The group that it belongs to.").replaces(),
            ),
            ("direction", Attribute::required(Type::String, "ingress or egress.").replaces()),
            (
                "protocol",
                Attribute::optional(Type::String, "tcp, udp, icmp or any.").default("any").replaces(),
            ),
            ("from_port", Attribute::optional(Type::Number, "The first port; the type for icmp.").replaces()),
            ("to_port", Attribute::optional(Type::Number, "The last port; the code for icmp.").replaces()),
            (
                "cidr",
                Attribute::optional(
                    Type::String,
                    "The addresses on the other side; every IPv4 address by default.",
                )
                .default("0.0.0.0/0")
                .replaces(),
            ),
            (
                "description",
                Attribute::optional(Type::String, "What it is for; at most 180 characters.").replaces(),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct RuleResource {
    pub api: Arc<Api>,
}

#[async_trait]
impl Resource for RuleResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|rule| observed(stored, &rule)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let cidr = planned.str("cidr")?;
        let protocol = Some(planned.str("protocol")?).filter(|p| *p != "any");
        let body = neutron::body([
            ("security_group_id", neutron::text(planned, "security_group_id")?),
            ("direction", neutron::text(planned, "direction")?),
            ("ethertype", if cidr.contains(':') { "IPv6".into() } else { "IPv4".into() }),
            ("protocol", json!(protocol)),
            ("port_range_min", neutron::number(planned, "from_port")?),
            ("port_range_max", neutron::number(planned, "to_port")?),
            ("remote_ip_prefix", cidr.into()),
        ]);
        let description = planned.opt_str("description")?.unwrap_or_default();
        let made = THING.create(&self.api, call, description, body).await?;
        Ok(observed(planned, &made))
    }

    async fn update(&self, _call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        Err(Fault::new(format!("security group rule {} cannot be changed in place", planned.str("id")?))
            .detail("Neutron fixes rules when they are made. Plan again: it has to be replaced."))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let description = planned.opt_str("description")?.unwrap_or_default();
        let found = THING.find(&self.api, call, description).await?;
        Ok(found.map(|rule| observed(planned, &rule)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, rule: &Json) -> Object {
    let description = mark::without_mark(json::str(rule, "description"));
    // Rules of other makers may name no addresses at all, which means every one.
    let everywhere = if rule["ethertype"] == "IPv6" { "::/0" } else { "0.0.0.0/0" };
    attributes
        .clone()
        .with("id", json::text(&rule["id"]))
        .with("security_group_id", json::text(&rule["security_group_id"]))
        .with("direction", json::text(&rule["direction"]))
        .with("protocol", rule["protocol"].as_str().unwrap_or("any"))
        .with("from_port", json::number(&rule["port_range_min"]))
        .with("to_port", json::number(&rule["port_range_max"]))
        .with("cidr", Value::from(rule["remote_ip_prefix"].as_str().unwrap_or(everywhere)))
        .with("description", json::text_like(description, attributes.get("description")))
}
