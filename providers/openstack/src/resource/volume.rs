use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use super::neutron;
use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, sentence, unless_gone};
use crate::json;
use crate::mark;
use crate::service::Service;
use crate::waiting::{self, Look};

pub const KIND: &str = "openstack_volume";

pub fn schema() -> Schema {
    let text = |description| Attribute::optional(Type::String, description);
    Schema::new(
        KIND,
        "A disk that outlives the instances it is attached to. It grows in place and never shrinks.",
        [
            ("name", text("Its name.")),
            (
                "size",
                Attribute::optional_computed(
                    Type::Number,
                    "GiB. May be left out with \"snapshot_id\", whose size counts then.",
                ),
            ),
            (
                "type",
                Attribute::optional_computed(
                    Type::String,
                    "Name of a volume type; the cloud's own choice where none is given. A change moves the data.",
                ),
            ),
            (
                "availability_zone",
                Attribute::optional_computed(Type::String, "Where it lies. Instances of other zones may not get at it.")
                    .replaces(),
            ),
            ("snapshot_id", text("A snapshot that it begins as a copy of.").replaces()),
            ("image_id", text("An image that it begins as a copy of, to boot from.").replaces()),
            (
                "tags",
                Attribute::optional(Type::map(Type::String), "Metadata. Names that begin with mprov- are mprov's own."),
            ),
            ("status", Attribute::computed(Type::String, "What Cinder says of it: available, in-use.")),
            ("id", Attribute::computed(Type::String, "Its id.")),
        ],
    )
    .holds_data("everything on the volume")
}

/// How large the volume of an address was when it was last looked at. A plan looks first and
/// completes the configuration then: so it can refuse what no update may do.
pub type SizesSeen = Mutex<HashMap<Arc<str>, i64>>;

pub struct VolumeResource {
    pub api: Arc<Api>,
    pub sizes: Arc<SizesSeen>,
}

impl VolumeResource {
    pub async fn get(api: &Api, call: &Call, id: &str) -> Result<Option<Json>, ApiError> {
        let found = unless_gone(api.get(call, Service::Volume, &format!("/volumes/{id}")).await)?;
        Ok(found.map(|mut answer| answer["volume"].take()))
    }

    async fn read_volume(&self, call: &Call, id: &str) -> Result<Option<Json>, Fault> {
        Self::get(&self.api, call, id).await.map_err(|e| e.fault(format!("volume {id} cannot be read")))
    }

    async fn marked(&self, call: &Call) -> Result<Option<Json>, ApiError> {
        let filter = json!({ mark::TOKEN: &*call.token }).to_string();
        let query = [("metadata", filter.as_str())];
        let found = self.api.list(call, Service::Volume, "/volumes/detail", "volumes", &query).await?;
        Ok(found.into_iter().find(|volume| mark::is_made_by(&volume["metadata"], call)))
    }

    /// Waits for Cinder to have done what it was asked for.
    async fn settled(&self, call: &Call, id: &str) -> Result<Json, ApiError> {
        waiting::until(call, format!("volume {id}"), || async {
            let volume = Self::get(&self.api, call, id).await?.ok_or_else(|| vanished(id))?;
            let status = json::str(&volume, "status").to_owned();
            Ok(match is_at_rest(&status) {
                true => Look::Done(volume),
                false => Look::Going(status),
            })
        })
        .await
    }

    /// What a create has made, once it can be used.
    async fn completed(&self, call: &Call, planned: &Object, volume: &Json) -> Result<Object, Fault> {
        let id = neutron::id(volume);
        let settled = self.settled(call, id).await;
        let what = || format!("volume {id} has not come to be");
        match settled {
            Ok(volume) if is_failed(json::str(&volume, "status")) => {
                let why = self.why(call, id).await;
                let detail =
                    format!("OpenStack says: {why} The next apply removes it and makes another one.");
                Err(Fault::new(what()).detail(detail).broken(observed(planned, &volume)))
            }
            Ok(volume) => Ok(observed(planned, &volume)),
            Err(error) => Err(error.fault(what()).unfinished(observed(planned, volume))),
        }
    }

    /// Cinder tells its reasons as messages about the volume.
    async fn why(&self, call: &Call, id: &str) -> String {
        let query = [("resource_uuid", id)];
        let messages = self.api.list(call, Service::Volume, "/messages", "messages", &query).await;
        let messages = messages.unwrap_or_default();
        match messages.iter().map(|m| json::str(m, "user_message")).find(|m| !m.is_empty()) {
            Some(message) => sentence(message),
            None => "its status is error, and no reason is given.".into(),
        }
    }

    async fn grow(&self, call: &Call, id: &str, size: i64) -> Result<Json, Fault> {
        let what = || format!("volume {id} could not grow to {size} GiB");
        let body = json!({"os-extend": {"new_size": size}});
        let asked = self.api.post(call, Service::Volume, &format!("/volumes/{id}/action"), &body).await;
        match asked {
            // Asked for a second time it would be refused; whether it was carried out shows.
            Ok(_) | Err(ApiError::Lost(_)) => {}
            Err(error) => return Err(error.fault(what())),
        }
        let grown = waiting::until(call, format!("volume {id}"), || async {
            let volume = Self::get(&self.api, call, id).await?.ok_or_else(|| vanished(id))?;
            let status = json::str(&volume, "status").to_owned();
            Ok(match is_at_rest(&status) && (volume["size"] == size || is_failed(&status)) {
                true => Look::Done(volume),
                false => Look::Going(status),
            })
        });
        let volume = grown.await.map_err(|e| e.fault(what()))?;
        match volume["size"] == size {
            true => Ok(volume),
            false => Err(Fault::new(what()).detail(format!("OpenStack says: {}", self.why(call, id).await))),
        }
    }

    async fn retype(&self, call: &Call, id: &str, ty: &str) -> Result<(), Fault> {
        let what = || format!("volume {id} could not become one of type {ty}");
        let body = json!({"os-retype": {"new_type": ty, "migration_policy": "on-demand"}});
        let asked = self.api.post(call, Service::Volume, &format!("/volumes/{id}/action"), &body).await;
        asked.map_err(|e| e.fault(what()))?;
        let volume = self.settled(call, id).await.map_err(|e| e.fault(what()))?;
        match volume["volume_type"] == ty {
            true => Ok(()),
            false => Err(Fault::new(what()).detail(format!("OpenStack says: {}", self.why(call, id).await))),
        }
    }

    fn note(&self, call: &Call, volume: &Json) {
        if let Some(size) = volume["size"].as_i64() {
            self.sizes.lock().expect("nobody panics with it").insert(call.address.clone(), size);
        }
    }
}

#[async_trait]
impl Resource for VolumeResource {
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        let now = self.sizes.lock().expect("nobody panics with it").get(&call.address).copied();
        match (now, config.get("size").as_i64()) {
            (Some(now), Some(wanted)) if wanted < now => Err(too_small(wanted, now)),
            _ => Ok(config),
        }
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let found = self.read_volume(call, stored.str("id")?).await?;
        if let Some(volume) = &found {
            self.note(call, volume);
        }
        Ok(found.map(|volume| observed(stored, &volume)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let body = json!({"volume": neutron::body([
            ("name", neutron::text(planned, "name")?),
            ("size", neutron::number(planned, "size")?),
            ("volume_type", neutron::text(planned, "type")?),
            ("availability_zone", neutron::text(planned, "availability_zone")?),
            ("snapshot_id", neutron::text(planned, "snapshot_id")?),
            ("imageRef", neutron::text(planned, "image_id")?),
            ("metadata", mark::metadata(planned.string_map("tags")?, call)),
        ])});
        let asked = self.api.post(call, Service::Volume, "/volumes", &body).await;
        let asked = asked.map(|mut answer| answer["volume"].take());
        let look = || async { self.marked(call).await };
        let made = creation::once(call, "the volume", asked, look).await?;
        self.completed(call, planned, &made).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = planned.str("id")?;
        let what = || format!("volume {id} could not be changed");
        let now = self.settled(call, id).await.map_err(|e| e.fault(what()))?;
        if is_failed(json::str(&now, "status")) {
            return Err(Fault::new(what()).detail(format!(
                "Its status is {}: {} An administrator can reset it once it is looked into.",
                json::str(&now, "status"),
                self.why(call, id).await
            )));
        }
        let (size, wanted) = (now["size"].as_i64().unwrap_or_default(), planned.opt_i64("size")?);
        if let Some(wanted) = wanted.filter(|wanted| *wanted < size) {
            return Err(too_small(wanted, size));
        }
        let name = planned.opt_str("name")?.unwrap_or_default();
        if json::str(&now, "name") != name {
            let body = json!({"volume": {"name": name}});
            let asked = self.api.put(call, Service::Volume, &format!("/volumes/{id}"), &body).await;
            asked.map_err(|e| e.fault(what()))?;
        }
        let tags = planned.string_map("tags")?;
        if json::tags(&now["metadata"]) != tags {
            let body = json!({"metadata": mark::changed_metadata(tags, &now["metadata"])});
            let asked = self.api.put(call, Service::Volume, &format!("/volumes/{id}/metadata"), &body).await;
            asked.map_err(|e| e.fault(what()))?;
        }
        if let Some(ty) = planned.opt_str("type")?.filter(|ty| now["volume_type"] != **ty) {
            self.retype(call, id, ty).await?;
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted > size) {
            self.grow(call, id, wanted).await?;
        }
        let volume = self.settled(call, id).await.map_err(|e| e.fault(what()))?;
        Ok(observed(planned, &volume))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        let what = || format!("volume {id} could not be removed");
        if self.read_volume(call, id).await?.is_none() {
            return Ok(());
        }
        // What is still being made or detached cannot be removed.
        match self.settled(call, id).await {
            Ok(volume) => {
                if let Some(server) = volume["attachments"][0]["server_id"].as_str() {
                    return Err(Fault::new(what()).detail(format!(
                        "It is attached to instance {server}. Detach it first: mprov does not pull a disk out of \
                         an instance on its own."
                    )));
                }
            }
            Err(error) if self.read_volume(call, id).await?.is_some() => return Err(error.fault(what())),
            Err(_) => return Ok(()),
        }
        let asked = self.api.delete(call, Service::Volume, &format!("/volumes/{id}")).await;
        unless_gone(asked).map_err(|e| e.fault(what()))?;
        let gone = waiting::until(call, format!("volume {id} to be gone"), || async {
            let Some(volume) = Self::get(&self.api, call, id).await? else { return Ok(Look::Done(())) };
            match json::str(&volume, "status") {
                "error_deleting" => {
                    let why = self.why(call, id).await;
                    Err(Fault::new(what()).detail(format!("OpenStack says: {why}")).into())
                }
                status => Ok(Look::Going(status.to_owned())),
            }
        });
        gone.await.map_err(|e| e.fault(what()))
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = creation::found_again(call, || async { self.marked(call).await }).await;
        match found.map_err(|e| e.fault("volumes cannot be listed"))? {
            Some(volume) => self.completed(call, planned, &volume).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        let id = prior.str("id")?;
        let left = waiting::until(call, format!("volume {id}"), || async {
            let volume = Self::get(&self.api, call, id).await?;
            Ok(match volume {
                Some(volume) if volume["status"] == "deleting" => Look::Going("deleting".into()),
                other => Look::Done(other),
            })
        });
        let left = left.await.map_err(|e| e.fault(format!("volume {id} cannot be read")))?;
        Ok(left.map(|volume| observed(prior, &volume)))
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let volume = self.read_volume(call, id).await?.ok_or_else(|| {
            Fault::new(format!("there is no volume {id}"))
                .detail("`openstack volume list` lists what there is.")
        })?;
        Ok(observed(&Object::new(), &volume))
    }
}

fn observed(attributes: &Object, volume: &Json) -> Object {
    let mut object = attributes
        .clone()
        .with("id", json::text(&volume["id"]))
        .with("name", json::text_like(json::str(volume, "name"), attributes.get("name")))
        .with("size", json::number(&volume["size"]))
        .with("type", json::filled(&volume["volume_type"]))
        .with("availability_zone", json::text(&volume["availability_zone"]))
        .with("snapshot_id", json::text(&volume["snapshot_id"]))
        .with("tags", json::map_like(json::tags(&volume["metadata"]), attributes.get("tags")))
        .with("status", json::text(&volume["status"]));
    if attributes.lookup("image_id").is_none() {
        object.set("image_id", json::text(&volume["volume_image_metadata"]["image_id"]));
    }
    object
}

/// Cinder works on nothing: what is to come has come.
fn is_at_rest(status: &str) -> bool {
    matches!(status, "available" | "in-use" | "maintenance" | "reserved") || is_failed(status)
}

fn is_failed(status: &str) -> bool {
    status.starts_with("error")
}

fn vanished(id: &str) -> ApiError {
    ApiError::Fault(
        Fault::new(format!("volume {id} is not there any more")).detail("Somebody else has removed it."),
    )
}

fn too_small(wanted: i64, now: i64) -> Fault {
    Fault::new("a volume cannot become smaller than it is").detail(format!(
        "\"size\" asks for {wanted} GiB; the volume has {now} GiB. Set \"size\" to {now} or more. To get a smaller \
         one, make a second volume and copy what is needed."
    ))
}
