use mprov_sdk::{Object, Value};
use serde_json::Value as Json;

use super::server;
use crate::json;

/// The attributes with what Nova and Neutron tell. `ports` are the server's, `addresses` the
/// floating IPs that lead to them; `flavour` is what its flavour's id stands for, where that
/// flavour is still there.
pub fn observed(
    attributes: &Object,
    server: &Json,
    ports: &[Json],
    addresses: &[Json],
    flavour: Option<&Json>,
) -> Object {
    let mut object = attributes
        .clone()
        .with("id", json::text(&server["id"]))
        .with("name", json::text(&server["name"]))
        .with("key_name", json::text(&server["key_name"]))
        .with("availability_zone", json::filled(&server["OS-EXT-AZ:availability_zone"]))
        .with("tags", json::map_like(json::tags(&server["metadata"]), attributes.get("tags")))
        .with("running", server::is_running(server))
        .with("status", json::text(&server["status"]))
        .with("private_ip", private_address(server))
        .with("public_ip", addresses.first().map_or(Value::Null, |a| json::text(&a["floating_ip_address"])));
    // One that boots from a volume tells no image.
    if server["image"]["id"].is_string() {
        object.set("image", json::text(&server["image"]["id"]));
    }
    if let Some(flavour) = flavour {
        let wanted = attributes.get("instance_type").as_str();
        if wanted.is_none_or(|wanted| flavour["name"] != *wanted && flavour["id"] != *wanted) {
            object.set("instance_type", json::text(&flavour["name"]));
        }
    }
    if !ports.is_empty() {
        let mut groups: Vec<_> =
            ports.iter().flat_map(|p| json::items(&p["security_groups"])).filter_map(Json::as_str).collect();
        groups.sort_unstable();
        groups.dedup();
        object.set("security_group_ids", json::strings(groups));
        let here = |name: &str, key: &str| {
            attributes.get(name).as_str().is_some_and(|wanted| ports.iter().any(|p| p[key] == *wanted))
        };
        if !here("port_id", "id") && !here("network_id", "network_id") {
            object.set("network_id", json::text(&ports[0]["network_id"]));
        }
    }
    object
}

/// The first address inside, of version 4 if there is one.
fn private_address(server: &Json) -> Value {
    let networks = server["addresses"].as_object().into_iter().flat_map(|networks| networks.values());
    let mut addresses: Vec<_> =
        networks.flat_map(json::items).filter(|a| a["OS-EXT-IPS:type"] == "fixed").collect();
    addresses.sort_by_key(|a| a["version"].as_i64());
    addresses.first().map_or(Value::Null, |a| json::text(&a["addr"]))
}
