use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings};
use mprov_sdk::{Object, Value};

use super::limits;

/// The attributes with everything about the container that can change after it was made, but for
/// its files. The rest cannot drift: Docker fixes it for an id.
pub fn observe(attributes: &Object, inspect: &ContainerInspectResponse) -> Object {
    let mut object = attributes.clone();
    let running = is_running(inspect);
    object
        .set("id", inspect.id.clone())
        .set("image_id", inspect.image.clone())
        .set("name", name(inspect))
        .set("stopped", attributes.get("stopped").as_bool() == Some(true))
        .set("running", running)
        .set("exit_code", if running { None } else { exit_code(inspect) })
        .set("networks", networks(inspect))
        .set("network", network_blocks(attributes, inspect));
    // Docker publishes no port of a container that is down; what was published last is no drift.
    if running || attributes.get("ports").is_null() {
        object.set("ports", ports(inspect));
    }
    if let Some(host) = &inspect.host_config {
        limits::observe(&mut object, host);
    }
    object
}

pub fn name(inspect: &ContainerInspectResponse) -> String {
    inspect.name.as_deref().unwrap_or_default().trim_start_matches('/').to_owned()
}

/// Running and answering signals: not paused, not between two tries of a crash loop.
pub fn is_running(inspect: &ContainerInspectResponse) -> bool {
    inspect.state.as_ref().is_some_and(|state| {
        state.running == Some(true) && state.paused != Some(true) && state.restarting != Some(true)
    })
}

/// Made, but not once started: its files may be missing.
pub fn never_started(inspect: &ContainerInspectResponse) -> bool {
    inspect.state.as_ref().and_then(|s| s.status) == Some(ContainerStateStatusEnum::CREATED)
}

/// On its way out, or broken by a failed removal.
pub fn is_vanishing(inspect: &ContainerInspectResponse) -> bool {
    let status = inspect.state.as_ref().and_then(|s| s.status);
    matches!(status, Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD))
}

pub fn exit_code(inspect: &ContainerInspectResponse) -> Option<i64> {
    if never_started(inspect) {
        return None;
    }
    inspect.state.as_ref()?.exit_code
}

/// The networks the container is in, by name.
pub fn endpoints(inspect: &ContainerInspectResponse) -> BTreeMap<String, EndpointSettings> {
    let networks = inspect.network_settings.as_ref().and_then(|s| s.networks.clone());
    networks.unwrap_or_default().into_iter().collect()
}

/// Whether a `network` block, which holds a name or an id, means that network.
pub fn means(block: &Object, name: &str, endpoint: &EndpointSettings) -> bool {
    let wanted = block.get("name").as_str().unwrap_or_default();
    wanted == name || endpoint.network_id.as_deref().is_some_and(|id| !id.is_empty() && id == wanted)
}

/// Whether the container takes part in the network as the block says.
pub fn agrees(block: &Object, inspect: &ContainerInspectResponse, endpoint: &EndpointSettings) -> bool {
    let wanted: BTreeSet<String> = block.strings("aliases").unwrap_or_default().into_iter().collect();
    wanted == aliases(inspect, endpoint) && block.get("ipv4_address").as_str() == fixed_address(endpoint)
}

/// The names it was given in the network. Docker adds the beginning of the container's id.
fn aliases(inspect: &ContainerInspectResponse, endpoint: &EndpointSettings) -> BTreeSet<String> {
    let id = inspect.id.as_deref().unwrap_or_default();
    endpoint.aliases.iter().flatten().filter(|a| !id.starts_with(*a)).cloned().collect()
}

fn fixed_address(endpoint: &EndpointSettings) -> Option<&str> {
    endpoint.ipam_config.as_ref()?.ipv4_address.as_deref().filter(|address| !address.is_empty())
}

/// The stored blocks that still hold, in their order, and after them what else it is in.
fn network_blocks(attributes: &Object, inspect: &ContainerInspectResponse) -> Value {
    let stored = attributes.get("network").as_elements().unwrap_or_default();
    if stored.is_empty() {
        return attributes.get("network").clone();
    }
    let endpoints = endpoints(inspect);
    let mut seen = Vec::new();
    for value in stored {
        let Some(block) = value.as_object() else { continue };
        let Some((_, endpoint)) = endpoints.iter().find(|(name, e)| means(block, name, e)) else { continue };
        match agrees(block, inspect, endpoint) {
            true => seen.push(value.clone()),
            false => seen.push(network_block(block.get("name").clone(), inspect, endpoint)),
        }
    }
    let stored: Vec<&Object> = stored.iter().filter_map(Value::as_object).collect();
    let others = endpoints.iter().filter(|(name, e)| !stored.iter().any(|block| means(block, name, e)));
    seen.extend(others.map(|(name, endpoint)| network_block(name.as_str().into(), inspect, endpoint)));
    Value::list(seen)
}

/// A block for a network as the engine reports it.
pub fn network_block(name: Value, inspect: &ContainerInspectResponse, endpoint: &EndpointSettings) -> Value {
    let aliases: Vec<Value> = aliases(inspect, endpoint).into_iter().map(Value::from).collect();
    Value::object([
        ("name", name),
        ("aliases", if aliases.is_empty() { Value::Null } else { Value::list(aliases) }),
        ("ipv4_address", fixed_address(endpoint).into()),
    ])
}

fn networks(inspect: &ContainerInspectResponse) -> Value {
    let networks = endpoints(inspect).into_iter().map(|(name, endpoint)| {
        Value::object([
            ("name", name.into()),
            ("id", endpoint.network_id.unwrap_or_default().into()),
            ("ip_address", endpoint.ip_address.filter(|ip| !ip.is_empty()).into()),
        ])
    });
    Value::list(networks)
}

fn ports(inspect: &ContainerInspectResponse) -> Value {
    let map = inspect.network_settings.as_ref().and_then(|s| s.ports.clone()).unwrap_or_default();
    let mut ports = Vec::new();
    for (key, bindings) in map {
        let (internal, protocol) = key.split_once('/').unwrap_or((&key, "tcp"));
        let Ok(internal) = internal.parse::<i64>() else { continue };
        for binding in bindings.unwrap_or_default() {
            let external = binding.host_port.as_deref().and_then(|p| p.parse::<i64>().ok());
            let Some(external) = external else { continue };
            ports.push((internal, protocol.to_owned(), binding.host_ip.unwrap_or_default(), external));
        }
    }
    ports.sort();
    Value::list(ports.into_iter().map(|(internal, protocol, ip, external)| {
        Value::object([
            ("internal", internal.into()),
            ("external", external.into()),
            ("ip", ip.into()),
            ("protocol", protocol.into()),
        ])
    }))
}
