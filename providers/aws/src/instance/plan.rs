use std::borrow::Cow;

use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Type, Value, Verdict, plan_by_schema};

use super::schema::ROOT_FIXED;

/// The comparison for one instance: by the schema, and that one that has stopped is started again.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else { return plan_by_schema(schema, request) };
    let config = &settled(request.config, prior);
    let request = &PlanRequest { config, ..*request };
    let mut schema = Cow::Borrowed(schema);
    if needs_new_root(prior, request.config) {
        let attribute = schema.to_mut().attributes.get_mut("root_volume").expect("it is in the schema");
        attribute.replaces = true;
    }
    let mut planned = plan_by_schema(&schema, request);
    let is_down = matches!(prior.get("status").as_str(), Some("stopped" | "stopping"));
    if planned.verdict != Verdict::Replace && is_down {
        expect(&mut planned, prior, "status", "running".into());
        expect(&mut planned, prior, "public_ip", Value::unknown(Type::String));
        planned.verdict = Verdict::Update;
    }
    planned
}

/// The configuration; where all that it says of the root volume is so already, in the form that it
/// has there (an import shows more than was asked for).
fn settled(config: &Object, prior: &Object) -> Object {
    let (had, wanted) = (prior.get("root_volume"), config.get("root_volume"));
    let is_so = match (had.as_object(), wanted.as_object()) {
        (Some(had), Some(wanted)) => wanted.iter().all(|(name, v)| v.is_null() || v.same(had.get(name))),
        _ => false,
    };
    if is_so { config.clone().with("root_volume", had.clone()) } else { config.clone() }
}

/// EBS cannot encrypt a volume that exists, or take another key for it.
fn needs_new_root(prior: &Object, config: &Object) -> bool {
    let (Some(prior), Some(config)) =
        (prior.get("root_volume").as_object(), config.get("root_volume").as_object())
    else {
        return false;
    };
    ROOT_FIXED.into_iter().any(|name| {
        let (had, wants) = (prior.get(name), config.get(name));
        !had.is_null() && !wants.is_null() && !wants.is_unknown() && !had.same(wants)
    })
}

fn expect(planned: &mut Planned, prior: &Object, name: &'static str, after: Value) {
    planned.after.set(name, after.clone());
    planned.changes.retain(|change| &*change.name != name);
    let before = prior.get(name).clone();
    planned.changes.push(Change { name: name.into(), before, after, replaces: false });
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Impact;

    use super::*;
    use crate::instance::schema::{RESTART, schema};

    fn config() -> Object {
        Object::new()
            .with("image", "ami-1")
            .with("instance_type", "t3.small")
            .with("termination_protection", false)
    }

    fn prior() -> Object {
        config()
            .with("id", "i-1")
            .with("status", "running")
            .with("public_ip", "192.0.2.1")
            .with("root_volume", root(Value::Null))
    }

    fn root(encrypted: Value) -> Value {
        Value::object([("size", Value::from(8)), ("encrypted", encrypted)])
    }

    fn planned(config: &Object, prior: &Object) -> Planned {
        plan(&schema(), &PlanRequest { config, stored: Some(prior), observed: Some(prior) })
    }

    #[test]
    fn another_type_is_an_update_with_downtime_and_an_unknown_address() {
        let planned = planned(&config().with("instance_type", "t3.large"), &prior());
        assert_eq!(planned.verdict, Verdict::Update);
        assert_eq!(planned.impact, Impact::downtime(RESTART));
        assert!(planned.after["public_ip"].is_unknown());
    }

    #[test]
    fn another_image_or_zone_is_a_replacement() {
        let image = planned(&config().with("image", "ami-2"), &prior());
        assert_eq!(image.verdict, Verdict::Replace);
        assert!(image.impact.data_lost.is_some());
        let zone = config().with("availability_zone", "b");
        assert_eq!(planned(&zone, &prior().with("availability_zone", "a")).verdict, Verdict::Replace);
    }

    #[test]
    fn one_that_has_stopped_is_started() {
        let planned = planned(&config(), &prior().with("status", "stopped"));
        assert_eq!(planned.verdict, Verdict::Update);
        assert_eq!(planned.after["status"], "running".into());
    }

    #[test]
    fn an_unencrypted_root_volume_is_only_encrypted_by_a_replacement() {
        let wants = config().with("root_volume", root(true.into()));
        assert_eq!(
            planned(&wants, &prior().with("root_volume", root(false.into()))).verdict,
            Verdict::Replace
        );
        assert_eq!(planned(&wants, &prior()).verdict, Verdict::Update);
    }
}
