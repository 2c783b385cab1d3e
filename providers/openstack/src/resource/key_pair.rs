use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, unless_gone};
use crate::json;
use crate::service::Service;

pub const KIND: &str = "openstack_key_pair";

/// Nova cannot change a key pair.
pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A public key that instances let in.",
        [
            ("name", Attribute::required(Type::String, "Its name; it is its id too.").replaces()),
            (
                "public_key",
                Attribute::required(
                    Type::String,
                    "The key as in authorized_keys: \"ssh-ed25519 AAAA… name\".",
                )
                .replaces(),
            ),
            ("fingerprint", Attribute::computed(Type::String, "MD5 of the key, as Nova writes it.")),
            ("id", Attribute::computed(Type::String, "The same as its name.")),
        ],
    )
}

pub struct KeyPairResource {
    pub api: Arc<Api>,
}

impl KeyPairResource {
    async fn get(&self, call: &Call, name: &str) -> Result<Option<Json>, ApiError> {
        let found = self.api.get(call, Service::Compute, &format!("/os-keypairs/{name}")).await;
        Ok(unless_gone(found)?.map(|mut answer| answer["keypair"].take()))
    }

    /// A key pair bears no mark: one of this name with this key is as good as made by the step.
    async fn with_this_key(&self, call: &Call, planned: &Object) -> Result<Option<Json>, ApiError> {
        let found = self.get(call, planned.str("name")?).await?;
        let wanted = planned.str("public_key")?;
        Ok(found.filter(|pair| same_key(json::str(pair, "public_key"), wanted)))
    }
}

#[async_trait]
impl Resource for KeyPairResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let name = stored.str("name")?;
        let found =
            self.get(call, name).await.map_err(|e| e.fault(format!("key pair {name} cannot be read")))?;
        Ok(found.map(|pair| observed(stored, &pair)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let name = planned.str("name")?;
        let body = json!({"keypair": {"name": name, "public_key": planned.str("public_key")?}});
        let asked = self.api.post(call, Service::Compute, "/os-keypairs", &body).await;
        if matches!(&asked, Err(error) if error.has_status(409)) {
            return Err(Fault::new(format!("a key pair named {name} exists already"))
                .detail("Choose another name, or take it over with an `import` block."));
        }
        let asked = asked.map(|mut answer| answer["keypair"].take());
        let look = || async { self.with_this_key(call, planned).await };
        let pair = creation::once(call, &format!("key pair {name}"), asked, look).await?;
        Ok(observed(planned, &pair))
    }

    async fn update(&self, _call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        Err(Fault::new(format!("key pair {} cannot be changed in place", planned.str("name")?))
            .detail("Plan again: it has to be replaced."))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let name = prior.str("name")?;
        let asked = self.api.delete(call, Service::Compute, &format!("/os-keypairs/{name}")).await;
        unless_gone(asked).map_err(|e| e.fault(format!("key pair {name} could not be removed")))?;
        Ok(())
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = creation::found_again(call, || async { self.with_this_key(call, planned).await }).await;
        let found = found.map_err(|e| e.fault("key pairs cannot be read"))?;
        Ok(found.map(|pair| observed(planned, &pair)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let found = self.get(call, id).await.map_err(|e| e.fault(format!("key pair {id} cannot be read")))?;
        let pair = found.ok_or_else(|| {
            Fault::new(format!("there is no key pair {id}"))
                .detail("`openstack keypair list` lists what there is.")
        })?;
        Ok(observed(&Object::new(), &pair))
    }
}

fn observed(attributes: &Object, pair: &Json) -> Object {
    let mut object = attributes.clone();
    let key = json::str(pair, "public_key");
    if !attributes.get("public_key").as_str().is_some_and(|stored| same_key(stored, key)) {
        object.set("public_key", key);
    }
    object.set("name", json::text(&pair["name"]));
    object.set("fingerprint", json::text(&pair["fingerprint"]));
    object.set("id", json::text(&pair["name"]));
    object
}

/// Space around a key means nothing.
fn same_key(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}
