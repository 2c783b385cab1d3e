use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};
use serde_json::{Value as Json, json};

use super::instance::server;
use super::volume::VolumeResource;
use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, unless_gone};
use crate::json;
use crate::service::Service;
use crate::waiting::{self, Look};

pub const KIND: &str = "openstack_volume_attachment";

/// virtio-blk has room for that much of a volume's id (Nova, `libvirt` driver; Linux, `virtio_blk`
/// `VIRTIO_BLK_ID_BYTES`).
const SERIAL_LENGTH: usize = 20;

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A volume in an instance.",
        [
            ("instance_id", Attribute::required(Type::String, "The instance.").replaces()),
            ("volume_id", Attribute::required(Type::String, "The volume.").replaces()),
            (
                "device",
                Attribute::computed(
                    Type::String,
                    "What Nova calls it, /dev/vdb. The system in the instance may call it otherwise: go by serial.",
                ),
            ),
            (
                "serial",
                Attribute::computed(
                    Type::String,
                    "What the instance sees: /dev/disk/by-id/virtio-<serial>. The first 20 characters of the volume's id.",
                ),
            ),
            ("id", Attribute::computed(Type::String, "Instance and volume, with a stroke between them.")),
        ],
    )
}

pub struct AttachmentResource {
    pub api: Arc<Api>,
}

impl AttachmentResource {
    async fn get(&self, call: &Call, instance: &str, volume: &str) -> Result<Option<Json>, ApiError> {
        let path = format!("/servers/{instance}/os-volume_attachments/{volume}");
        let found = unless_gone(self.api.get(call, Service::Compute, &path).await)?;
        Ok(found.map(|mut answer| answer["volumeAttachment"].take()))
    }

    async fn of(&self, call: &Call, object: &Object) -> Result<Option<Json>, Fault> {
        let (instance, volume) = (object.str("instance_id")?, object.str("volume_id")?);
        let found = self.get(call, instance, volume).await;
        found.map_err(|e| e.fault(format!("the volumes of instance {instance} cannot be read")))
    }

    /// Nova answers before Cinder and the hypervisor have done it.
    async fn completed(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let (instance, volume) = (planned.str("instance_id")?, planned.str("volume_id")?);
        let what = || format!("volume {volume} could not be attached to instance {instance}");
        let attached = waiting::until(call, format!("volume {volume} in the instance"), || async {
            let found = VolumeResource::get(&self.api, call, volume).await?;
            let found =
                found.ok_or_else(|| Fault::new(what()).detail("The volume is not there any more."))?;
            let status = json::str(&found, "status").to_owned();
            let here = json::items(&found["attachments"]).iter().any(|a| a["server_id"] == instance);
            match status.as_str() {
                "in-use" if here => {}
                "attaching" | "reserved" | "in-use" => return Ok(Look::Going(status)),
                _ => {
                    return Err(Fault::new(what())
                        .detail(format!(
                            "Nova gave up, and the volume is {status} again. The instance's list of events \
                             (`openstack server event list {instance}`) says why."
                        ))
                        .into());
                }
            }
            Ok(match self.get(call, instance, volume).await? {
                Some(attachment) => Look::Done(attachment),
                None => Look::Going(status),
            })
        });
        match attached.await {
            Ok(attachment) => Ok(observed(planned, &attachment)),
            Err(error @ (ApiError::Interrupted | ApiError::Lost(_) | ApiError::Unreachable(_))) => {
                let partial = observed(planned, &json!({"serverId": instance, "volumeId": volume}));
                Err(error.fault(what()).unfinished(partial))
            }
            Err(error) => Err(error.fault(what())),
        }
    }
}

#[async_trait]
impl Resource for AttachmentResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        Ok(self.of(call, stored).await?.map(|attachment| observed(stored, &attachment)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let (instance, volume) = (planned.str("instance_id")?, planned.str("volume_id")?);
        let what = || format!("volume {volume} could not be attached to instance {instance}");
        // An instance that works on something else refuses.
        server::settled(&self.api, call, instance).await.map_err(|e| e.fault(what()))?;
        let body = json!({"volumeAttachment": {"volumeId": volume}});
        let path = format!("/servers/{instance}/os-volume_attachments");
        let asked = self.api.post(call, Service::Compute, &path, &body).await;
        let asked = asked.map(|mut answer| answer["volumeAttachment"].take());
        let look = || async { self.get(call, instance, volume).await };
        creation::once(call, &format!("the attachment of volume {volume}"), asked, look).await?;
        self.completed(call, planned).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        self.completed(call, planned).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let (instance, volume) = (prior.str("instance_id")?, prior.str("volume_id")?);
        let what = || format!("volume {volume} could not be detached from instance {instance}");
        if self.of(call, prior).await?.is_none() {
            return Ok(());
        }
        match server::settled(&self.api, call, instance).await {
            Err(_) if self.of(call, prior).await?.is_none() => return Ok(()),
            settled => settled.map_err(|e| e.fault(what()))?,
        };
        let path = format!("/servers/{instance}/os-volume_attachments/{volume}");
        let asked = self.api.delete(call, Service::Compute, &path).await;
        unless_gone(asked).map_err(|e| e.fault(what()))?;
        let gone = waiting::until(call, format!("volume {volume} to leave the instance"), || async {
            let attached = self.get(call, instance, volume).await?;
            let found = VolumeResource::get(&self.api, call, volume).await?;
            let here = found
                .as_ref()
                .is_some_and(|v| json::items(&v["attachments"]).iter().any(|a| a["server_id"] == instance));
            let status = found.as_ref().map_or("gone", |v| json::str(v, "status")).to_owned();
            match status.as_str() {
                _ if attached.is_none() && !here => Ok(Look::Done(())),
                // The guest holds on to it; Nova goes back to what was.
                "in-use" if attached.is_some() && server::has_failed(&self.api, call, instance, "detach_volume").await? => {
                    Err(Fault::new(what())
                        .detail("Nova gave up. Is it mounted in the instance? Unmount it, then run the command again.")
                        .into())
                }
                _ => Ok(Look::Going(status)),
            }
        });
        gone.await.map_err(|e| e.fault(what()))
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let (instance, volume) = (planned.str("instance_id")?, planned.str("volume_id")?);
        let found = creation::found_again(call, || async { self.get(call, instance, volume).await }).await;
        match found.map_err(|e| e.fault(format!("the volumes of instance {instance} cannot be read")))? {
            Some(_) => self.completed(call, planned).await.map(Some),
            None => Ok(None),
        }
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let (instance, volume) = id.split_once('/').ok_or_else(|| {
            Fault::new(format!("\"{id}\" is no id of an attachment"))
                .detail("It is the id of the instance, a stroke, and the id of the volume.")
        })?;
        let object = Object::new().with("instance_id", instance).with("volume_id", volume);
        let found = self.of(call, &object).await?.ok_or_else(|| {
            Fault::new(format!("volume {volume} is not attached to instance {instance}"))
                .detail(format!("`openstack server volume list {instance}` lists what is."))
        })?;
        Ok(observed(&object, &found))
    }
}

fn observed(attributes: &Object, attachment: &Json) -> Object {
    let (instance, volume) = (json::str(attachment, "serverId"), json::str(attachment, "volumeId"));
    attributes
        .clone()
        .with("id", format!("{instance}/{volume}"))
        .with("instance_id", instance)
        .with("volume_id", volume)
        .with("device", json::text(&attachment["device"]))
        .with("serial", volume.chars().take(SERIAL_LENGTH).collect::<String>())
}
