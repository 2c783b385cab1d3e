use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Map, Value as Json};

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;

pub const KIND: &str = "openstack_network";
pub const THING: Thing = Thing { singular: "network", plural: "networks", word: "network" };

const IN_PLACE: [&str; 3] = ["name", "shared", "mtu"];

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A network of the project. Addresses come with a subnet.",
        [
            ("name", Attribute::required(Type::String, "Its name; several may have the same.")),
            (
                "external",
                Attribute::optional(
                    Type::Bool,
                    "Leads out of the cloud, so that routers and addresses can be on it. For administrators.",
                )
                .default(false),
            ),
            (
                "shared",
                Attribute::optional(Type::Bool, "Other projects may use it. For administrators.")
                    .default(false),
            ),
            ("mtu", Attribute::optional_computed(Type::Number, "Largest packet in bytes.")),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct NetworkResource {
    pub api: Arc<Api>,
}

#[async_trait]
impl Resource for NetworkResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|network| observed(stored, &network)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        // Who is no administrator may not even say that it is neither.
        let when_true =
            |name| planned.opt_bool(name).map(|v| v.filter(|v| *v).map_or(Json::Null, Json::from));
        let body = neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("router:external", when_true("external")?),
            ("shared", when_true("shared")?),
            ("mtu", neutron::number(planned, "mtu")?),
        ]);
        let made = THING.create(&self.api, call, "", body).await?;
        Ok(observed(planned, &made))
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let mut body: Map<_, _> = neutron::changes(prior, planned, &IN_PLACE)?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        for (_, value) in neutron::changes(prior, planned, &["external"])? {
            body.insert("router:external".into(), value);
        }
        let network = THING.update(&self.api, call, planned.str("id")?, Json::Object(body)).await?;
        Ok(observed(planned, &network))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.find(&self.api, call, "").await?;
        Ok(found.map(|network| observed(planned, &network)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, network: &Json) -> Object {
    attributes
        .clone()
        .with("id", json::text(&network["id"]))
        .with("name", json::text(&network["name"]))
        .with("external", network["router:external"].as_bool().unwrap_or(false))
        .with("shared", network["shared"].as_bool().unwrap_or(false))
        .with("mtu", json::number(&network["mtu"]))
}
