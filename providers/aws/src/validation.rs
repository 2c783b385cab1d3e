use mprov_sdk::{Diagnostic, Diagnostics, Object};

use crate::{cidr, instance, route_table, security_group_rule, tags};

/// The number of arguments that exclude each other is wrong.
const EXCLUSIVE: u16 = 5020;
/// A text that has no meaning in its place.
pub const MALFORMED: u16 = 5022;
/// Arguments that contradict each other.
const CONTRADICTION: u16 = 5023;
/// A tag that belongs to mprov.
const RESERVED: u16 = 5024;

/// EC2 keeps no more than 50 tags of a thing; two are mprov's and one is the name.
const MOST_TAGS: usize = 47;

/// An error about one attribute: the planner finds the place in the file by its name.
pub fn error(
    code: u16,
    attribute: &str,
    summary: impl Into<String>,
    detail: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(code, summary).detail(detail).address(attribute)
}

pub fn validate(kind: &str, config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_tags(&mut found, "tags", config);
    check_cidr(&mut found, "cidr", config);
    match kind {
        instance::KIND => instance::validate(&mut found, config),
        security_group_rule::KIND => check_rule(&mut found, config),
        "aws_route_table" => check_routes(&mut found, config),
        _ => {}
    }
    found
}

fn check_tags(found: &mut Diagnostics, attribute: &str, config: &Object) {
    let Some(given) = config.get(attribute).as_object() else { return };
    if let Some(tag) = given.keys().find(|name| name.starts_with(tags::RESERVED)) {
        found.push(error(
            RESERVED,
            attribute,
            format!("tag \"{tag}\" belongs to mprov"),
            "mprov finds what it has made by tags that begin with \"mprov:\". Choose another name.",
        ));
    }
    if given.contains(tags::NAME) && config.get("name").as_str().is_some() {
        found.push(error(
            CONTRADICTION,
            attribute,
            "the tag \"Name\" is given twice",
            "\"name\" is that tag: leave one of them out.",
        ));
    }
    if given.len() > MOST_TAGS {
        let detail = format!("EC2 keeps 50 of one thing, and 3 are mprov's: give {MOST_TAGS} at most.");
        found.push(error(MALFORMED, attribute, format!("{} tags are too many", given.len()), detail));
    }
}

/// EC2 turns a range into its shortest form, which would look like a change made by others.
fn check_cidr(found: &mut Diagnostics, attribute: &str, config: &Object) {
    let Some(text) = config.get(attribute).as_str() else { return };
    let summary = format!("\"{text}\" is not a range of addresses");
    match cidr::canonical(text) {
        None => found.push(error(MALFORMED, attribute, summary, "Write it as 10.0.0.0/16 or 2001:db8::/32.")),
        Some(canonical) if canonical != text => {
            found.push(error(MALFORMED, attribute, summary, format!("The range is written {canonical}.")));
        }
        Some(_) => {}
    }
}

fn check_rule(found: &mut Diagnostics, config: &Object) {
    one_of(found, config, "direction", &security_group_rule::DIRECTIONS);
    one_of(found, config, "protocol", &security_group_rule::PROTOCOLS);
    let ends = ["cidr", "source_security_group_id"];
    let given = ends.iter().filter(|name| !config.get(name).is_null()).count();
    if given != 1 {
        found.push(error(
            EXCLUSIVE,
            "cidr",
            "a rule needs either \"cidr\" or \"source_security_group_id\"",
            "Give exactly one of them: the addresses or the group at the other end.",
        ));
    }
    let Some(protocol) = config.get("protocol").as_str() else { return };
    for port in ["from_port", "to_port"] {
        match (protocol == "any", config.get(port).is_null()) {
            (true, false) => found.push(error(
                CONTRADICTION,
                port,
                format!("\"{port}\" has no meaning for every protocol"),
                "Leave it out, or name the protocol.",
            )),
            (false, true) => found.push(error(
                CONTRADICTION,
                port,
                format!("protocol \"{protocol}\" needs \"{port}\""),
                "Give the first and the last port, with icmp type and code (-1 for all).",
            )),
            _ => {}
        }
    }
}

fn one_of(found: &mut Diagnostics, config: &Object, attribute: &str, allowed: &[&str]) {
    let Some(text) = config.get(attribute).as_str() else { return };
    if !allowed.contains(&text) {
        let detail = format!("Write one of: {}.", allowed.join(", "));
        found.push(error(MALFORMED, attribute, format!("\"{text}\" has no meaning here"), detail));
    }
}

fn check_routes(found: &mut Diagnostics, config: &Object) {
    let routes = config.get("route").as_elements().unwrap_or_default();
    for route in routes.iter().filter_map(|route| route.as_object()) {
        let given = route_table::TARGETS.iter().filter(|name| !route.get(name).is_null()).count();
        check_cidr(found, "route", &Object::new().with("route", route.get("cidr").clone()));
        if given != 1 {
            let detail = format!("Give exactly one of: {}.", route_table::TARGETS.join(", "));
            found.push(error(EXCLUSIVE, "route", "a route leads to one place", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Value;

    use super::*;

    fn rule() -> Object {
        Object::new()
            .with("security_group_id", "sg-1")
            .with("direction", "ingress")
            .with("protocol", "tcp")
            .with("from_port", 443)
            .with("to_port", 443)
            .with("cidr", "0.0.0.0/0")
    }

    fn is_refused(kind: &str, config: &Object) -> bool {
        validate(kind, config).has_errors()
    }

    #[test]
    fn rules_have_one_other_end_and_the_ports_of_their_protocol() {
        let kind = security_group_rule::KIND;
        assert!(!is_refused(kind, &rule()));
        assert!(is_refused(kind, &rule().with("source_security_group_id", "sg-2")));
        assert!(is_refused(kind, &rule().with("cidr", Value::Null)));
        assert!(is_refused(kind, &rule().with("protocol", "any")));
        assert!(is_refused(kind, &rule().with("to_port", Value::Null)));
        assert!(is_refused(kind, &rule().with("direction", "in")));
    }

    #[test]
    fn ranges_are_written_in_the_form_that_ec2_gives_back() {
        for (text, refused) in [("10.0.0.0/16", false), ("10.0.0.1/16", true), ("all", true)] {
            assert_eq!(is_refused("aws_vpc", &Object::new().with("cidr", text)), refused, "{text}");
        }
    }

    #[test]
    fn tags_of_mprov_are_refused() {
        let tags = Value::map([("mprov:token", Value::from("x"))]);
        assert!(is_refused("aws_vpc", &Object::new().with("tags", tags)));
    }

    #[test]
    fn user_data_that_ec2_would_refuse_is_refused_before() {
        assert!(is_refused(instance::KIND, &Object::new().with("user_data", "x".repeat(16_385))));
        assert!(!is_refused(instance::KIND, &Object::new().with("user_data", "x".repeat(16_384))));
    }
}
