use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Map, Value as Json, json};

use super::neutron::{self, Thing};
use crate::api::Api;
use crate::json;
use crate::mark;
use crate::service::Service;

pub const KIND: &str = "openstack_security_group";
const THING: Thing = Thing { singular: "security_group", plural: "security_groups", word: "security group" };

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Rules for what may come in and go out, together. A new one has Neutron's two: everything may go out.",
        [
            ("name", Attribute::required(Type::String, "Its name.")),
            ("description", Attribute::optional(Type::String, "What it is for; at most 180 characters.")),
            (
                "tags",
                Attribute::optional(Type::map(Type::String), "Tags; Neutron keeps each as \"name=value\"."),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
}

pub struct GroupResource {
    pub api: Arc<Api>,
}

impl GroupResource {
    /// Neutron takes tags only for what is there.
    async fn tag(&self, call: &Call, group: &mut Json, tags: BTreeMap<String, String>) -> Result<(), Fault> {
        let id = neutron::id(group).to_owned();
        let tags: Vec<_> = tags.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("/security-groups/{id}/tags");
        let asked = self.api.put(call, Service::Network, &path, &json!({ "tags": tags })).await;
        asked.map_err(|e| e.fault(format!("security group {id} could not be tagged")))?;
        group["tags"] = tags.into();
        Ok(())
    }

    /// What is left to do for a group that was just made or found.
    async fn completed(&self, call: &Call, planned: &Object, mut group: Json) -> Result<Object, Fault> {
        let tags = planned.string_map("tags")?;
        if tags_of(&group) != tags
            && let Err(fault) = self.tag(call, &mut group, tags).await
        {
            return Err(fault.unfinished(observed(planned, &group)));
        }
        Ok(observed(planned, &group))
    }
}

#[async_trait]
impl Resource for GroupResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = THING.read(&self.api, call, stored.str("id")?).await?;
        Ok(found.map(|group| observed(stored, &group)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let description = planned.opt_str("description")?.unwrap_or_default();
        let body = neutron::body([("name", neutron::text(planned, "name")?)]);
        let made = THING.create(&self.api, call, description, body).await?;
        self.completed(call, planned, made).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = planned.str("id")?;
        let now = THING.expect(&self.api, call, id).await?;
        let mut body = Map::new();
        for (name, value) in neutron::changes(prior, planned, &["name", "description"])? {
            let value = match name {
                "description" => {
                    let text = value.as_str().unwrap_or_default();
                    mark::changed_description(text, json::str(&now, "description")).into()
                }
                _ => value,
            };
            body.insert(name.into(), value);
        }
        let group = match body.is_empty() {
            true => now,
            false => THING.update(&self.api, call, id, Json::Object(body)).await?,
        };
        self.completed(call, planned, group).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        THING.delete(&self.api, call, prior.str("id")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let description = planned.opt_str("description")?.unwrap_or_default();
        match THING.find(&self.api, call, description).await? {
            Some(group) => self.completed(call, planned, group).await.map(Some),
            None => Ok(None),
        }
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        Ok(observed(&Object::new(), &THING.expect(&self.api, call, id).await?))
    }
}

fn observed(attributes: &Object, group: &Json) -> Object {
    let description = mark::without_mark(json::str(group, "description"));
    attributes
        .clone()
        .with("id", json::text(&group["id"]))
        .with("name", json::text(&group["name"]))
        .with("description", json::text_like(description, attributes.get("description")))
        .with("tags", json::map_like(tags_of(group), attributes.get("tags")))
}

fn tags_of(group: &Json) -> BTreeMap<String, String> {
    let tags = json::items(&group["tags"]).iter().filter_map(|t| t.as_str());
    tags.map(|tag| tag.split_once('=').unwrap_or((tag, "")))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}
