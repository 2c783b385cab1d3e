use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Value, Verdict, plan_by_schema};

use super::driver::Driver;

/// The comparison for `host_volume`.
///
/// A volume keeps the driver that it was made with: only another driver by name replaces it. What
/// it was cloned from matters when it is made, and never again. One whose delete was interrupted
/// is replaced.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else {
        let mut planned = plan_by_schema(schema, request);
        tell_drivers_promise(&mut planned.after);
        return planned;
    };
    let mut config = request.config.clone();
    config.remove("driver_used");
    config.remove("clone_copies");
    let mut planned = plan_by_schema(schema, &PlanRequest { config: &config, ..*request });

    let asked = config["driver"].as_str().unwrap_or("auto");
    let other_driver = asked != "auto" && prior["driver_used"].as_str() != Some(asked);
    let half_deleted = prior["intact"].as_bool() == Some(false);
    if planned.verdict == Verdict::Replace || other_driver || half_deleted {
        replace(schema, request, prior, &mut planned, other_driver, half_deleted);
    }
    planned
}

fn replace(
    schema: &Schema,
    request: &PlanRequest<'_>,
    prior: &Object,
    planned: &mut Planned,
    other_driver: bool,
    half_deleted: bool,
) {
    let anew = plan_by_schema(schema, &PlanRequest { observed: None, ..*request });
    planned.after = anew.after;
    tell_drivers_promise(&mut planned.after);
    planned.after.set("intact", true);
    if planned.verdict != Verdict::Replace {
        planned.impact = planned.impact.clone().join(&mprov_sdk::Impact::data_lost(super::volume::DATA));
        planned.verdict = Verdict::Replace;
    }
    let mut change = |name: &'static str, after: Value| {
        planned.changes.retain(|c| *c.name != *name);
        planned.changes.push(Change {
            name: name.into(),
            before: prior[name].clone(),
            after,
            replaces: true,
        });
    };
    if other_driver {
        change("driver_used", request.config["driver"].clone());
    }
    if half_deleted {
        change("intact", true.into());
    }
}

/// `one_instant` follows from `driver_used`.
fn tell_drivers_promise(after: &mut Object) {
    if let Some(driver) = after["driver_used"].as_str().and_then(Driver::parse) {
        after.set("one_instant", driver.clones_one_instant());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::volume::schema;

    fn config() -> Object {
        Object::new().with("path", "/srv/v").with("driver", "auto")
    }

    fn made() -> Object {
        config()
            .with("driver_used", "copy")
            .with("one_instant", false)
            .with("intact", true)
            .with("mode", "0755")
    }

    fn planned(config: &Object, observed: &Object) -> Planned {
        plan(&schema(), &PlanRequest { config, stored: Some(observed), observed: Some(observed) })
    }

    #[test]
    fn a_volume_keeps_its_driver_when_a_better_one_turns_up() {
        assert_eq!(planned(&config().with("driver_used", "btrfs"), &made()).verdict, Verdict::Nothing);
        assert_eq!(planned(&config().with("driver", "copy"), &made()).verdict, Verdict::Update);
    }

    #[test]
    fn another_driver_by_name_replaces_and_says_what_is_lost() {
        let replaced = planned(&config().with("driver", "btrfs").with("driver_used", "btrfs"), &made());
        assert_eq!(replaced.verdict, Verdict::Replace);
        assert!(replaced.impact.data_lost.is_some());
        assert_eq!(replaced.after["one_instant"], true.into());
    }

    #[test]
    fn another_source_of_the_clone_never_replaces_data() {
        let changed = planned(&config().with("clone_of", "/srv/other"), &made());
        assert_eq!(changed.verdict, Verdict::Update);
    }

    #[test]
    fn what_was_half_deleted_is_made_anew() {
        let replaced = planned(&config(), &made().with("intact", false));
        assert_eq!(replaced.verdict, Verdict::Replace);
        assert_eq!(replaced.after["intact"], true.into());
    }

    #[test]
    fn the_plan_of_a_create_tells_the_probed_driver() {
        let config = config().with("driver_used", "btrfs");
        let request = PlanRequest { config: &config, stored: None, observed: None };
        let planned = plan(&schema(), &request);
        assert_eq!(planned.after["driver_used"], "btrfs".into());
        assert_eq!(planned.after["one_instant"], true.into());
    }
}
