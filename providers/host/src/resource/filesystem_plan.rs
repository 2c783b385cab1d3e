use mprov_sdk::{Object, PlanRequest, Planned, Schema, Value, Verdict, plan_by_schema};

use super::mend::mend;

/// The comparison for `host_filesystem`.
///
/// What is not mounted is mounted again, and what is smaller than its device grows. Another name
/// of the same device changes nothing.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let mut config = request.config.clone();
    // What was found on the device.
    let found = config.remove("uuid").unwrap_or(Value::Null);
    let Some(prior) = request.observed else {
        let mut planned = plan_by_schema(schema, &PlanRequest { config: &config, ..*request });
        tell_what_follows(&mut planned.after);
        return planned;
    };
    let device = config["device"].clone();
    let same_device = !found.is_null() && found.same(&prior["uuid"]) && !prior["device"].is_null();
    if same_device {
        config.set("device", prior["device"].clone());
    }
    let mut planned = plan_by_schema(schema, &PlanRequest { config: &config, ..*request });
    if planned.verdict == Verdict::Replace {
        tell_what_follows(&mut planned.after);
        return planned;
    }
    if same_device {
        mend(&mut planned, prior, "device", device);
    }
    mend(&mut planned, prior, "mounted", true.into());
    mend(&mut planned, prior, "in_fstab", config["persist"].clone());
    mend(&mut planned, prior, "fills_device", true.into());
    if prior["fills_device"].as_bool() == Some(false) && !planned.after["device_size"].is_unknown() {
        let unknown = Value::unknown(schema.attributes["device_size"].ty.clone());
        mend(&mut planned, prior, "device_size", unknown);
    }
    planned
}

fn tell_what_follows(after: &mut Object) {
    after.set("mounted", true);
    after.set("fills_device", true);
    after.set("in_fstab", after["persist"].clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::filesystem_schema::schema;

    fn config() -> Object {
        Object::new()
            .with("path", "/srv")
            .with("device", "/dev/sdb")
            .with("type", "btrfs")
            .with("persist", true)
    }

    fn made() -> Object {
        config()
            .with("uuid", "u1")
            .with("mounted", true)
            .with("in_fstab", true)
            .with("fills_device", true)
            .with("device_size", 100)
    }

    fn planned(config: &Object, observed: Option<&Object>) -> Planned {
        plan(&schema(), &PlanRequest { config, stored: observed, observed })
    }

    #[test]
    fn a_create_tells_what_there_will_be_and_not_what_was_found() {
        let planned = planned(&config().with("uuid", "left over"), None);
        assert_eq!(planned.verdict, Verdict::Create);
        assert!(planned.after["uuid"].is_unknown());
        assert_eq!((&planned.after["mounted"], &planned.after["in_fstab"]), (&true.into(), &true.into()));
    }

    #[test]
    fn what_is_as_it_should_be_stays() {
        assert_eq!(planned(&config().with("uuid", "u1"), Some(&made())).verdict, Verdict::Nothing);
        assert_eq!(planned(&config(), Some(&made())).verdict, Verdict::Nothing);
    }

    #[test]
    fn drift_is_mended_in_place() {
        for name in ["mounted", "in_fstab", "fills_device"] {
            let mended = planned(&config(), Some(&made().with(name, false)));
            assert_eq!(mended.verdict, Verdict::Update);
            assert_eq!(mended.after[name], true.into());
            assert_eq!(mended.after["device_size"].is_unknown(), name == "fills_device");
        }
    }

    #[test]
    fn another_device_replaces_and_another_name_of_it_does_not() {
        let other = config().with("device", "/dev/sdc");
        assert_eq!(planned(&other, Some(&made())).verdict, Verdict::Replace);
        assert_eq!(planned(&other.clone().with("uuid", "u2"), Some(&made())).verdict, Verdict::Replace);
        let renamed = planned(&other.with("uuid", "u1"), Some(&made()));
        assert_eq!((renamed.verdict, &renamed.after["device"]), (Verdict::Update, &"/dev/sdc".into()));
    }
}
