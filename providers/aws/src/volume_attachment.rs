use async_trait::async_trait;
use aws_sdk_ec2::types::{Tag, VolumeAttachment, VolumeAttachmentState};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};

/// The names that EC2 recommends for data volumes (Amazon EC2 User Guide, "Device names").
const DEVICES: std::ops::RangeInclusive<char> = 'f'..='p';

pub struct VolumeAttachmentKind;

impl VolumeAttachmentKind {
    /// Names that nothing of the instance has yet.
    async fn free_devices(&self, ask: &Ask<'_>, instance: &str) -> Result<Vec<String>, Failure> {
        let request = ask.client().describe_instances().instance_ids(instance);
        let found = ask.safely(|| request.clone().send()).await?;
        let instances = found.reservations().iter().flat_map(|r| r.instances());
        let taken: Vec<char> = instances
            .flat_map(|i| i.block_device_mappings())
            .filter_map(|mapping| letter(mapping.device_name()?))
            .collect();
        Ok(DEVICES
            .filter(|letter| !taken.contains(letter))
            .map(|letter| format!("/dev/sd{letter}"))
            .collect())
    }

    async fn attach(&self, ask: &Ask<'_>, planned: &Object, device: &str) -> Result<(), Failure> {
        let request = ask
            .client()
            .attach_volume()
            .volume_id(planned.str("volume_id")?)
            .instance_id(planned.str("instance_id")?)
            .device(device);
        ask.once(|| request.clone().send()).await.map(drop)
    }
}

/// The letter of /dev/sdX or /dev/xvdX, with or without a partition behind it.
fn letter(device: &str) -> Option<char> {
    let name = device.trim_start_matches("/dev/");
    name.strip_prefix("sd").or(name.strip_prefix("xvd"))?.chars().next()
}

fn is_device_taken(failure: &Failure) -> bool {
    failure.is("InvalidParameterValue") && failure.message.contains("already in use")
}

#[async_trait]
impl Kind for VolumeAttachmentKind {
    type Seen = VolumeAttachment;
    const NOUN: &'static str = "volume attachment";

    fn schema() -> Schema {
        let device = "The name EC2 knows it by, like \"/dev/sdf\"; a free one where none is given. The guest calls \
                      it otherwise: use \"serial\".";
        let serial = "What the guest sees in /dev/disk/by-id (nvme-Amazon_Elastic_Block_Store_…): the volume's \
                      id without the dash.";
        Schema::new(
            "aws_volume_attachment",
            "A volume in an instance.",
            [
                ("instance_id", common::fixed("The instance.")),
                ("volume_id", common::fixed("The volume, of the same zone.")),
                ("device", Attribute::optional_computed(Type::String, device).replaces()),
                ("serial", Attribute::computed(Type::String, serial)),
                common::id("The ids of volume and instance, vol-…:i-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<VolumeAttachment>, Failure> {
        let (volume, instance) = match sought {
            Sought::Id(id) => id.split_once(':').ok_or_else(|| {
                Failure::refused("InvalidId", format!("\"{id}\" is not of the form vol-…:i-…"))
            })?,
            Sought::Made(planned) => (planned.str("volume_id")?, planned.str("instance_id")?),
        };
        let request = ask.client().describe_volumes().volume_ids(volume);
        let found = ask.found(|| request.clone().send()).await?;
        let volumes = found.and_then(|f| f.volumes).unwrap_or_default();
        let all = volumes.into_iter().flat_map(|v| v.attachments.unwrap_or_default());
        Ok(all.filter(|a| a.instance_id() == Some(instance)).collect())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let (volume, instance) = (planned.str("volume_id")?, planned.str("instance_id")?);
        let id = format!("{volume}:{instance}");
        if let Some(device) = planned.opt_str("device")? {
            self.attach(ask, planned, device).await?;
            return Ok(id);
        }
        // Another attachment to the same instance may take a name between the look and the call.
        for device in self.free_devices(ask, instance).await? {
            match self.attach(ask, planned, &device).await {
                Err(failure) if is_device_taken(&failure) => {}
                result => return result.map(|()| id),
            }
        }
        Err(Failure::refused("NoDevice", format!("instance {instance} has no device name left")))
    }

    fn id(seen: &VolumeAttachment) -> String {
        format!("{}:{}", seen.volume_id().unwrap_or_default(), seen.instance_id().unwrap_or_default())
    }

    fn standing(seen: &VolumeAttachment) -> Standing {
        match seen.state() {
            Some(VolumeAttachmentState::Attaching) => {
                Standing::Coming("the volume is being attached".to_owned(), None)
            }
            Some(VolumeAttachmentState::Detaching | VolumeAttachmentState::Busy) => Standing::Going,
            Some(VolumeAttachmentState::Detached) => Standing::Gone(None),
            _ => Standing::Ready,
        }
    }

    fn tags(_seen: &VolumeAttachment) -> Option<&[Tag]> {
        None
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &VolumeAttachment,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new()
            .with("id", Self::id(seen))
            .with("instance_id", seen.instance_id())
            .with("volume_id", seen.volume_id())
            .with("device", seen.device())
            .with("serial", seen.volume_id().map(|id| id.replace('-', ""))))
    }

    async fn change(&self, _ask: &Ask<'_>, _prior: &Object, _planned: &Object) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, seen: &VolumeAttachment, _prior: &Object) -> Result<(), Failure> {
        let request = ask
            .client()
            .detach_volume()
            .volume_id(seen.volume_id().unwrap_or_default())
            .instance_id(seen.instance_id().unwrap_or_default());
        match ask.plainly(|| request.clone().send()).await {
            // A try whose reply was lost has detached it.
            Err(failure) if failure.is("IncorrectState") && self.is_gone(ask, seen).await? => Ok(()),
            result => result.map(drop),
        }
    }
}

impl VolumeAttachmentKind {
    async fn is_gone(&self, ask: &Ask<'_>, seen: &VolumeAttachment) -> Result<bool, Failure> {
        let now = self.look(ask, Sought::Id(&Self::id(seen))).await?;
        Ok(now.iter().all(|a| matches!(Self::standing(a), Standing::Gone(_) | Standing::Going)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_read_in_both_spellings() {
        assert_eq!(letter("/dev/sdf"), Some('f'));
        assert_eq!(letter("/dev/xvda1"), Some('a'));
        assert_eq!(letter("/dev/nvme0n1"), None);
    }
}
