use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type, Value};
use serde_json::{Map, Value as Json};

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;

pub const KIND: &str = "openstack_subnet";
const THING: Thing = Thing { singular: "subnet", plural: "subnets", word: "subnet" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A range of addresses of a network.",
        [
            ("name", Attribute::optional(Type::String, "Its name.")),
            ("network_id", Attribute::required(Type::String, "The network that it belongs to.").replaces()),
            ("cidr", Attribute::required(Type::String, "The range, 10.0.0.0/24 or fd00::/64.").replaces()),
            (
                "gateway_ip",
                Attribute::optional_computed(
                    Type::String,
                    "The gateway; the range's first address by default.",
                ),
            ),
            (
                "dhcp",
                Attribute::optional(Type::Bool, "Neutron tells instances their addresses.").default(true),
            ),
            (
                "dns_servers",
                Attribute::optional(
                    Type::list(Type::String),
                    "Name servers that instances are told, the first first.",
                ),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct SubnetResource {
    pub api: Arc<Api>,
}

#[async_trait]
impl Resource for SubnetResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|subnet| observed(stored, &subnet)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let cidr = planned.str("cidr")?;
        let body = neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("network_id", neutron::text(planned, "network_id")?),
            ("cidr", cidr.into()),
            ("ip_version", if cidr.contains(':') { 6.into() } else { 4.into() }),
            ("gateway_ip", neutron::text(planned, "gateway_ip")?),
            ("enable_dhcp", neutron::flag(planned, "dhcp")?),
            ("dns_nameservers", planned.strings("dns_servers")?.into()),
        ]);
        let made = THING.create(&self.api, call, "", body).await?;
        Ok(observed(planned, &made))
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let mut body = Map::new();
        for (name, value) in neutron::changes(prior, planned, &["name", "gateway_ip", "dhcp", "dns_servers"])?
        {
            let (key, value) = match name {
                "dhcp" => ("enable_dhcp", value),
                "dns_servers" => ("dns_nameservers", planned.strings("dns_servers")?.into()),
                "name" => ("name", value.as_str().unwrap_or_default().into()),
                other => (other, value),
            };
            body.insert(key.into(), value);
        }
        let subnet = THING.update(&self.api, call, planned.str("id")?, Json::Object(body)).await?;
        Ok(observed(planned, &subnet))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.find(&self.api, call, "").await?;
        Ok(found.map(|subnet| observed(planned, &subnet)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, subnet: &Json) -> Object {
    let servers = Value::list(json::items(&subnet["dns_nameservers"]).iter().map(json::text));
    attributes
        .clone()
        .with("id", json::text(&subnet["id"]))
        .with("name", json::text_like(json::str(subnet, "name"), attributes.get("name")))
        .with("network_id", json::text(&subnet["network_id"]))
        .with("cidr", json::text(&subnet["cidr"]))
        .with("gateway_ip", json::text(&subnet["gateway_ip"]))
        .with("dhcp", json::flag(&subnet["enable_dhcp"]))
        .with("dns_servers", json::set_like(servers, attributes.get("dns_servers")))
}
