use aws_sdk_ec2::types::{
    Instance, InstanceAttributeName, InstanceStateName, InstanceType, Volume, VolumeType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::{Name, Object, Value};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;

/// Every attribute but name and tags.
pub async fn attributes(ask: &Ask<'_>, seen: &Instance, known: Option<&Object>) -> Result<Object, Failure> {
    let id = seen.instance_id().unwrap_or_default();
    let zone = seen.placement().and_then(|p| p.availability_zone());
    let profile = seen.iam_instance_profile().and_then(|p| p.arn());
    let groups = seen.security_groups().iter().filter_map(|g| g.group_id());
    let root = root_volume_id(seen);
    let public_ip = seen.public_ip_address().filter(|address| !address.is_empty());
    Ok(Object::new()
        .with("id", id)
        .with("image", seen.image_id())
        .with("instance_type", seen.instance_type().map(InstanceType::as_str))
        .with("key_name", seen.key_name().filter(|name| !name.is_empty()))
        .with("user_data", user_data(ask, id, known).await?)
        .with("availability_zone", zone)
        .with("subnet_id", seen.subnet_id())
        .with("security_group_ids", common::set(groups))
        .with("root_volume", root_attribute(ask, root, known).await?)
        .with("iam_instance_profile", profile.and_then(|arn| arn.rsplit('/').next()))
        .with("termination_protection", is_protected(ask, id).await?)
        .with("root_volume_id", root)
        .with("private_ip", seen.private_ip_address())
        .with("public_ip", public_ip)
        .with("status", seen.state().and_then(|s| s.name()).map(InstanceStateName::as_str)))
}

async fn user_data(ask: &Ask<'_>, id: &str, known: Option<&Object>) -> Result<Value, Failure> {
    let request = ask.client().describe_instance_attribute().instance_id(id);
    let request = request.attribute(InstanceAttributeName::UserData);
    let answer = ask.plainly(|| request.clone().send()).await?;
    let encoded = answer.user_data.and_then(|data| data.value).unwrap_or_default();
    let decoded = STANDARD.decode(encoded.trim()).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    let seen = if text.is_empty() { Value::Null } else { Value::from(text) };
    // What may be a secret stays one; so does what nothing is known about.
    let is_secret = known.is_none_or(|known| known.get("user_data").contains_sensitive());
    Ok(seen.clone().with_sensitivity(is_secret && !seen.is_null()))
}

async fn is_protected(ask: &Ask<'_>, id: &str) -> Result<bool, Failure> {
    let request = ask.client().describe_instance_attribute().instance_id(id);
    let request = request.attribute(InstanceAttributeName::DisableApiTermination);
    let answer = ask.plainly(|| request.clone().send()).await?;
    Ok(answer.disable_api_termination.and_then(|value| value.value).unwrap_or_default())
}

/// The disk that the instance boots from.
pub fn root_volume_id(seen: &Instance) -> Option<&str> {
    let device = seen.root_device_name()?;
    let mapping = seen.block_device_mappings().iter().find(|m| m.device_name() == Some(device))?;
    mapping.ebs()?.volume_id()
}

/// The disk as attributes; where some were asked for, only those.
async fn root_attribute(
    ask: &Ask<'_>,
    volume: Option<&str>,
    known: Option<&Object>,
) -> Result<Value, Failure> {
    let Some(volume) = volume else { return Ok(Value::Null) };
    let Some(disk) = disk(ask, volume).await? else { return Ok(Value::Null) };
    let all = fields(&disk);
    let asked = known.and_then(|known| known.get("root_volume").as_object());
    Ok(match asked {
        None => all.into(),
        Some(asked) => {
            let shown = |name: &Name| match asked.get(name).is_null() {
                true => Value::Null,
                false => all.get(name).clone(),
            };
            asked.keys().map(|name| (name.clone(), shown(name))).collect::<Object>().into()
        }
    })
}

pub async fn disk(ask: &Ask<'_>, id: &str) -> Result<Option<Volume>, Failure> {
    let request = ask.client().describe_volumes().volume_ids(id);
    let found = ask.found(|| request.clone().send()).await?;
    Ok(found.and_then(|f| f.volumes).unwrap_or_default().into_iter().next())
}

/// What `root_volume` says of a disk.
pub fn fields(disk: &Volume) -> Object {
    Object::new()
        .with("size", disk.size())
        .with("type", disk.volume_type().map(VolumeType::as_str))
        .with("iops", disk.iops().filter(|iops| *iops > 0))
        .with("throughput", disk.throughput().filter(|throughput| *throughput > 0))
        .with("encrypted", disk.encrypted().unwrap_or_default())
        .with("kms_key_id", disk.kms_key_id())
}
