use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mprov_sdk::{Call, Fault, Object};
use serde_json::{Value as Json, json};

use super::super::neutron::{body, number, text};
use crate::mark;
use crate::microversion::Microversion;

/// The version of the Compute API that takes the type of a root volume.
pub const VOLUME_TYPE: Microversion = Microversion(2, 67);

/// The request for a new server, and the version that it takes where that is not the usual one.
pub fn request(call: &Call, planned: &Object, flavour: &str) -> Result<(Json, Option<Microversion>), Fault> {
    let user_data = planned.opt_str("user_data")?.map(|text| BASE64_STANDARD.encode(text));
    let network = match planned.opt_str("port_id")? {
        Some(port) => json!([{"port": port}]),
        None => json!([{"uuid": planned.str("network_id")?}]),
    };
    let groups: Vec<_> =
        planned.strings("security_group_ids")?.into_iter().map(|id| json!({"name": id})).collect();
    let root = planned.object("root_volume")?;
    let mut server = body([
        ("name", text(planned, "name")?),
        ("flavorRef", flavour.into()),
        ("key_name", text(planned, "key_name")?),
        ("user_data", json!(user_data)),
        ("availability_zone", text(planned, "availability_zone")?),
        ("networks", network),
        ("security_groups", if groups.is_empty() { Json::Null } else { groups.into() }),
        ("metadata", mark::metadata(planned.string_map("tags")?, call)),
    ]);
    let Some(root) = root else {
        server["imageRef"] = planned.str("image")?.into();
        return Ok((json!({ "server": server }), None));
    };
    server["block_device_mapping_v2"] = json!([root_device(planned, root)?]);
    let version = root.opt_str("type")?.map(|_| VOLUME_TYPE);
    Ok((json!({ "server": server }), version))
}

fn root_device(planned: &Object, root: &Object) -> Result<Json, Fault> {
    let (source, id) = match root.opt_str("volume_id")? {
        Some(volume) => ("volume", volume),
        None => ("image", planned.str("image")?),
    };
    let mut device = body([("volume_size", number(root, "size")?), ("volume_type", text(root, "type")?)]);
    device["boot_index"] = 0.into();
    device["uuid"] = id.into();
    device["source_type"] = source.into();
    device["destination_type"] = "volume".into();
    // A volume that was there before is not the instance's to remove.
    let own = source == "image" && root.opt_bool("delete_on_termination")?.unwrap_or(true);
    device["delete_on_termination"] = own.into();
    Ok(device)
}
