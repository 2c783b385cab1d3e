use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Value, Verdict, plan_by_schema};

use super::driver::Driver;
use super::image_volume::IMAGE;
use super::lvm_volume::LVM;
use super::mend::mend;
use super::zfs_volume::ZFS;

/// The comparison for `host_volume`.
///
/// A volume keeps the driver that it was made with: only another driver by name replaces it. What
/// it was cloned from matters when it is made, and never again. One whose delete was interrupted
/// is replaced. An image or a thin volume that is not mounted is mounted again.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else {
        let mut planned = plan_by_schema(schema, request);
        tell_what_follows(&mut planned.after);
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
    } else if is_mounted(prior["driver_used"].as_str()) {
        mend(&mut planned, prior, "mounted", true.into());
        mend(&mut planned, prior, "in_fstab", config["persist"].clone());
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
    tell_what_follows(&mut planned.after);
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

/// What the driver decides, as far as it is known; the one that is asked for is, or none is made.
fn tell_what_follows(after: &mut Object) {
    let known = |name: &str| after[name].as_str().filter(|name| *name != "auto").map(str::to_owned);
    let driver = known("driver_used").or_else(|| known("driver"));
    if let Some(driver) = &driver {
        let at_once = Driver::parse(driver).is_some_and(Driver::clones_one_instant);
        after.set("one_instant", [IMAGE, ZFS, LVM].contains(&driver.as_str()) || at_once);
    }
    if is_mounted(driver.as_deref()) {
        after.set("mounted", true);
        after.set("in_fstab", after["persist"].clone());
    }
    // A clone whose source is not there yet may become a thin volume, as that will be.
    let open = after["driver"].is_unknown() || (driver.is_none() && !after["clone_of"].is_null());
    let absent: &[&str] = match driver.as_deref() {
        _ if open => &[],
        Some(LVM) => &[],
        Some(IMAGE) => &OF_LVM,
        _ => &[&OF_LVM[..], &["mounted", "in_fstab", "size"]].concat(),
    };
    for name in absent {
        after.set(*name, Value::Null);
    }
}

/// What only thin volumes have.
const OF_LVM: [&str; 4] = ["pool", "type", "logical_volume", "uuid"];

/// Whether volumes of that driver are a filesystem of their own.
fn is_mounted(driver: Option<&str>) -> bool {
    [Some(IMAGE), Some(LVM)].contains(&driver)
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
    fn an_image_that_is_not_mounted_is_mounted_and_noted_again() {
        let image = |config: Object| config.with("driver", IMAGE).with("size", "1G").with("persist", true);
        let made = image(made()).with("driver_used", IMAGE).with("mounted", true).with("in_fstab", true);
        assert_eq!(planned(&image(config()), &made).verdict, Verdict::Nothing);
        for name in ["mounted", "in_fstab"] {
            let mended = planned(&image(config()), &made.clone().with(name, false));
            assert_eq!(mended.verdict, Verdict::Update);
            assert_eq!(mended.after[name], true.into());
            assert!(mended.changes.iter().any(|c| &*c.name == name && !c.replaces));
        }
        let at_boot_no_more = planned(&image(config()).with("persist", false), &made);
        assert_eq!(at_boot_no_more.after["in_fstab"], false.into());
    }

    #[test]
    fn what_only_images_have_is_known_to_be_absent_in_others() {
        let request = PlanRequest { config: &config(), stored: None, observed: None };
        let planned = plan(&schema(), &request);
        assert!(planned.after["mounted"].is_null() && planned.after["size"].is_null());
        assert!(planned.after["one_instant"].is_unknown());
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
