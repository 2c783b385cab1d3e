use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use super::neutron;
use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, unless_gone};
use crate::json;
use crate::mark;
use crate::service::Service;
use crate::waiting::{self, Look};

pub const KIND: &str = "openstack_snapshot";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The state of a volume at one time. It may be taken while the volume is in use, and is then as a disk \
         after a power failure.",
        [
            ("name", Attribute::optional(Type::String, "Its name.")),
            ("volume_id", Attribute::required(Type::String, "The volume.").replaces()),
            (
                "tags",
                Attribute::optional(Type::map(Type::String), "Metadata. Names that begin with mprov- are mprov's own."),
            ),
            ("size", Attribute::computed(Type::Number, "GiB: the volume's size at that time.")),
            ("status", Attribute::computed(Type::String, "What Cinder says of it: available.")),
            ("created_at", Attribute::computed(Type::String, "When it was taken (RFC 3339, UTC).")),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
    .holds_data("the state of the volume at that time")
}

pub struct SnapshotResource {
    pub api: Arc<Api>,
}

impl SnapshotResource {
    async fn get(&self, call: &Call, id: &str) -> Result<Option<Json>, ApiError> {
        let found = unless_gone(self.api.get(call, Service::Volume, &format!("/snapshots/{id}")).await)?;
        Ok(found.map(|mut answer| answer["snapshot"].take()))
    }

    async fn read_snapshot(&self, call: &Call, id: &str) -> Result<Option<Json>, Fault> {
        self.get(call, id).await.map_err(|e| e.fault(format!("snapshot {id} cannot be read")))
    }

    async fn marked(&self, call: &Call) -> Result<Option<Json>, ApiError> {
        let found = self.api.list(call, Service::Volume, "/snapshots/detail", "snapshots", &[]).await?;
        Ok(found.into_iter().find(|snapshot| mark::is_made_by(&snapshot["metadata"], call)))
    }

    async fn completed(&self, call: &Call, planned: &Object, made: &Json) -> Result<Object, Fault> {
        let id = neutron::id(made);
        let what = || format!("snapshot {id} has not come to be");
        let settled = waiting::until(call, format!("snapshot {id}"), || async {
            let found = self.get(call, id).await?;
            let snapshot = found.ok_or_else(|| Fault::new(what()).detail("Somebody else has removed it."))?;
            Ok(match json::str(&snapshot, "status") {
                "creating" => Look::Going("creating".into()),
                _ => Look::Done(snapshot),
            })
        });
        match settled.await {
            Ok(snapshot) if snapshot["status"] == "available" => Ok(observed(planned, &snapshot)),
            Ok(snapshot) => Err(Fault::new(what())
                .detail(format!(
                    "Its status is {}. The next apply removes it and takes another one.",
                    json::str(&snapshot, "status")
                ))
                .broken(observed(planned, &snapshot))),
            Err(error) => Err(error.fault(what()).unfinished(observed(planned, made))),
        }
    }
}

#[async_trait]
impl Resource for SnapshotResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = self.read_snapshot(call, stored.str("id")?).await?;
        Ok(found.map(|snapshot| observed(stored, &snapshot)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let body = json!({"snapshot": neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("volume_id", neutron::text(planned, "volume_id")?),
            // Also of a volume in use.
            ("force", true.into()),
            ("metadata", mark::metadata(planned.string_map("tags")?, call)),
        ])});
        let asked = self.api.post(call, Service::Volume, "/snapshots", &body).await;
        let asked = asked.map(|mut answer| answer["snapshot"].take());
        let look = || async { self.marked(call).await };
        let made = creation::once(call, "the snapshot", asked, look).await?;
        self.completed(call, planned, &made).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = planned.str("id")?;
        let what = || format!("snapshot {id} could not be changed");
        let now = self.read_snapshot(call, id).await?;
        let now = now.ok_or_else(|| Fault::new(what()).detail("It is not there any more."))?;
        let name = planned.opt_str("name")?.unwrap_or_default();
        if json::str(&now, "name") != name {
            let body = json!({"snapshot": {"name": name}});
            let asked = self.api.put(call, Service::Volume, &format!("/snapshots/{id}"), &body).await;
            asked.map_err(|e| e.fault(what()))?;
        }
        let tags = planned.string_map("tags")?;
        if json::tags(&now["metadata"]) != tags {
            let body = json!({"metadata": mark::changed_metadata(tags, &now["metadata"])});
            let asked =
                self.api.put(call, Service::Volume, &format!("/snapshots/{id}/metadata"), &body).await;
            asked.map_err(|e| e.fault(what()))?;
        }
        self.completed(call, planned, &now).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        let what = || format!("snapshot {id} could not be removed");
        let asked = self.api.delete(call, Service::Volume, &format!("/snapshots/{id}")).await;
        unless_gone(asked).map_err(|e| e.fault(what()))?;
        let gone = waiting::until(call, format!("snapshot {id} to be gone"), || async {
            let Some(snapshot) = self.get(call, id).await? else { return Ok(Look::Done(())) };
            match json::str(&snapshot, "status") {
                "deleting" => Ok(Look::Going("deleting".into())),
                status => Err(Fault::new(what()).detail(format!("Its status is {status}.")).into()),
            }
        });
        gone.await.map_err(|e| e.fault(what()))
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = creation::found_again(call, || async { self.marked(call).await }).await;
        match found.map_err(|e| e.fault("snapshots cannot be listed"))? {
            Some(snapshot) => self.completed(call, planned, &snapshot).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        let id = prior.str("id")?;
        let left = waiting::until(call, format!("snapshot {id}"), || async {
            Ok(match self.get(call, id).await? {
                Some(snapshot) if snapshot["status"] == "deleting" => Look::Going("deleting".into()),
                other => Look::Done(other),
            })
        });
        let left = left.await.map_err(|e| e.fault(format!("snapshot {id} cannot be read")))?;
        Ok(left.map(|snapshot| observed(prior, &snapshot)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let snapshot = self.read_snapshot(call, id).await?.ok_or_else(|| {
            Fault::new(format!("there is no snapshot {id}"))
                .detail("`openstack volume snapshot list` lists what there is.")
        })?;
        Ok(observed(&Object::new(), &snapshot))
    }
}

pub fn observed(attributes: &Object, snapshot: &Json) -> Object {
    attributes
        .clone()
        .with("id", json::text(&snapshot["id"]))
        .with("name", json::text_like(json::str(snapshot, "name"), attributes.get("name")))
        .with("volume_id", json::text(&snapshot["volume_id"]))
        .with("tags", json::map_like(json::tags(&snapshot["metadata"]), attributes.get("tags")))
        .with("size", json::number(&snapshot["size"]))
        .with("status", json::text(&snapshot["status"]))
        .with("created_at", created_at(snapshot))
}

/// Cinder writes UTC without saying so, and parts of a second that mean nothing.
pub fn created_at(thing: &Json) -> mprov_sdk::Value {
    let Some(text) = thing["created_at"].as_str() else { return mprov_sdk::Value::Null };
    let seconds = text.split(['.', 'Z']).next().unwrap_or(text);
    format!("{seconds}Z").into()
}
