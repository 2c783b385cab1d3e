use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::Value as Json;

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;

pub const KIND: &str = "openstack_address";
pub const THING: Thing = Thing { singular: "floatingip", plural: "floatingips", word: "floating IP" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "An address that the world reaches, a floating IP. It stays the same whatever is behind it.",
        [
            (
                "network_id",
                Attribute::required(Type::String, "The external network that it is of.").replaces(),
            ),
            (
                "address",
                Attribute::optional_computed(
                    Type::String,
                    "The address; Neutron chooses one where none is given. Asking for a certain one takes an \
                     administrator in most clouds.",
                )
                .replaces(),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct AddressResource {
    pub api: Arc<Api>,
}

#[async_trait]
impl Resource for AddressResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|address| observed(stored, &address)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let body = neutron::body([
            ("floating_network_id", neutron::text(planned, "network_id")?),
            ("floating_ip_address", neutron::text(planned, "address")?),
        ]);
        let made = THING.create(&self.api, call, "", body).await?;
        Ok(observed(planned, &made))
    }

    async fn update(&self, _call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        Err(Fault::new(format!("floating IP {} cannot be changed in place", planned.str("id")?))
            .detail("Plan again: it has to be replaced."))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.find(&self.api, call, "").await?;
        Ok(found.map(|address| observed(planned, &address)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, address: &Json) -> Object {
    attributes
        .clone()
        .with("id", json::text(&address["id"]))
        .with("network_id", json::text(&address["floating_network_id"]))
        .with("address", json::text(&address["floating_ip_address"]))
}
