use mprov_sdk::{Diagnostic, Diagnostics, Object, Value};

use crate::mark;
use crate::resource;

/// A provider refuses a value.
const REFUSED: u16 = 5001;
/// The number of arguments that exclude each other is wrong.
const EXCLUSIVE: u16 = 5020;
/// A text that has no meaning in its place.
const MALFORMED: u16 = 5022;
/// Arguments that contradict each other.
const CONTRADICTION: u16 = 5023;
/// A label that belongs to mprov.
const RESERVED_LABEL: u16 = 5024;

/// Nova's own limit (Compute API, "Create Server").
const USER_DATA_LIMIT: usize = 65_535;

pub fn validate(kind: &str, config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_tags(&mut found, config);
    check_description(&mut found, config);
    match kind {
        resource::instance::KIND => instance(&mut found, config),
        resource::volume::KIND => volume(&mut found, config),
        resource::security_group_rule::KIND => rule(&mut found, config),
        resource::address_association::KIND => {
            exactly_one(&mut found, config, ["instance_id", "port_id"]);
        }
        _ => {}
    }
    found
}

fn instance(found: &mut Diagnostics, config: &Object) {
    exactly_one(found, config, ["network_id", "port_id"]);
    if is_set(config, "port_id") && is_set(config, "security_group_ids") {
        found.push(error(
            CONTRADICTION,
            "security_group_ids",
            "\"security_group_ids\" does not go with \"port_id\"",
            "The groups belong to the port: set them there.",
        ));
    }
    let root = config.get("root_volume").as_object();
    let boots_volume = root.is_some_and(|root| !root.get("volume_id").is_null());
    if boots_volume == is_set(config, "image") {
        found.push(error(
            EXCLUSIVE,
            "image",
            "an instance boots either an image or a volume",
            "Set \"image\", or \"volume_id\" in \"root_volume\", and not both.",
        ));
    }
    if let Some(root) = root.filter(|_| !boots_volume)
        && root.get("size").is_null()
    {
        found.push(error(
            EXCLUSIVE,
            "root_volume",
            "a new root volume needs a size",
            "Set \"size\" (GiB) in \"root_volume\".",
        ));
    }
    if config.get("user_data").as_str().is_some_and(|text| text.len().div_ceil(3) * 4 > USER_DATA_LIMIT) {
        found.push(error(
            REFUSED,
            "user_data",
            "\"user_data\" is too long",
            "Nova takes 65535 bytes after base64, which are 49149 before it. Let the script fetch what is large.",
        ));
    }
}

fn volume(found: &mut Diagnostics, config: &Object) {
    if is_set(config, "snapshot_id") && is_set(config, "image_id") {
        found.push(error(
            EXCLUSIVE,
            "image_id",
            "a volume begins as a copy of one thing",
            "Set \"snapshot_id\" or \"image_id\", and not both.",
        ));
    }
    if !is_set(config, "size") && !is_set(config, "snapshot_id") {
        found.push(error(EXCLUSIVE, "size", "a new volume needs a size", "Set \"size\" (GiB)."));
    }
    if config.get("size").as_i64().is_some_and(|size| size < 1) {
        found.push(error(REFUSED, "size", "a volume has at least 1 GiB", "Set \"size\" to 1 or more."));
    }
}

fn rule(found: &mut Diagnostics, config: &Object) {
    one_of(found, config, "direction", &["ingress", "egress"]);
    one_of(found, config, "protocol", &["tcp", "udp", "icmp", "any"]);
    let has_ports = is_set(config, "from_port") || is_set(config, "to_port");
    if has_ports && config.get("protocol").as_str() == Some("any") {
        found.push(error(
            CONTRADICTION,
            "from_port",
            "ports need a protocol",
            "Set \"protocol\" to tcp or udp, or leave the ports out.",
        ));
    }
    if let (Some(from), Some(to), Some("tcp" | "udp")) =
        (config.get("from_port").as_i64(), config.get("to_port").as_i64(), config.get("protocol").as_str())
        && (from > to || from < 1 || to > 65_535)
    {
        found.push(error(
            CONTRADICTION,
            "from_port",
            format!("{from} to {to} are no ports"),
            "Ports go from 1 to 65535, and \"from_port\" is not after \"to_port\".",
        ));
    }
}

fn check_tags(found: &mut Diagnostics, config: &Object) {
    let Some(tags) = config.get("tags").as_object() else { return };
    if let Some(name) = tags.keys().find(|name| name.starts_with(mark::RESERVED)) {
        found.push(error(
            RESERVED_LABEL,
            "tags",
            format!("tag \"{name}\" belongs to mprov"),
            "mprov finds what it has made by tags that begin with \"mprov-\". Choose another name.",
        ));
    }
}

fn check_description(found: &mut Diagnostics, config: &Object) {
    let text = config.get("description").as_str();
    if text.is_some_and(|text| text.chars().count() > mark::DESCRIPTION_LIMIT) {
        found.push(error(
            REFUSED,
            "description",
            "the description is too long",
            "Neutron keeps 255 characters, of which mprov needs some: at most 180 are free.",
        ));
    }
}

fn exactly_one(found: &mut Diagnostics, config: &Object, names: [&str; 2]) {
    if is_set(config, names[0]) == is_set(config, names[1]) {
        found.push(error(
            EXCLUSIVE,
            names[0],
            format!("\"{}\" or \"{}\" is needed", names[0], names[1]),
            "Set one of them, and not both.",
        ));
    }
}

fn one_of(found: &mut Diagnostics, config: &Object, attribute: &str, allowed: &[&str]) {
    let Some(text) = config.get(attribute).as_str() else { return };
    if !allowed.contains(&text) {
        let expected = format!("It is one of {}.", allowed.join(", "));
        found.push(error(MALFORMED, attribute, format!("\"{text}\" has no meaning here"), expected));
    }
}

/// Unknown counts as set: something will be there.
fn is_set(config: &Object, name: &str) -> bool {
    !matches!(config.get(name), Value::Null)
}

/// An error about one attribute: the planner finds the place in the file by its name.
fn error(code: u16, attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, summary).detail(detail).address(attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn codes(kind: &str, config: Object) -> Vec<u16> {
        validate(kind, &config).iter().map(|d| d.code.0).collect()
    }

    #[test]
    fn an_instance_says_where_it_is_and_what_it_boots() {
        let kind = resource::instance::KIND;
        let good = Object::new().with("image", "i").with("network_id", "n");
        assert!(codes(kind, good.clone()).is_empty());
        assert_eq!(codes(kind, good.clone().with("port_id", "p")), [EXCLUSIVE]);
        let on_port = Object::new().with("image", "i").with("port_id", "p");
        assert_eq!(codes(kind, on_port.with("security_group_ids", Value::set([]))), [CONTRADICTION]);
        let volume = Value::object([("volume_id", Value::from("v"))]);
        assert_eq!(codes(kind, good.clone().with("root_volume", volume)), [EXCLUSIVE]);
        assert_eq!(codes(kind, good.with("user_data", "x".repeat(49_150))), [REFUSED]);
    }

    #[test]
    fn rules_and_volumes_that_make_no_sense_are_refused_before_the_cloud_is_asked() {
        let kind = resource::security_group_rule::KIND;
        let rule = Object::new().with("direction", "in").with("protocol", "any").with("from_port", 22);
        assert_eq!(codes(kind, rule), [MALFORMED, CONTRADICTION]);
        assert_eq!(codes(resource::volume::KIND, Object::new().with("size", 0)), [REFUSED]);
        let reserved = Value::map([("mprov-token", Value::from("x"))]);
        let snapshot = Object::new().with("tags", reserved);
        assert_eq!(codes(resource::snapshot::KIND, snapshot), [RESERVED_LABEL]);
    }
}
