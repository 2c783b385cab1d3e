use std::borrow::Cow;
use std::collections::BTreeSet;

use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Type, Value, Verdict, plan_by_schema};

use super::schema::{network_type, port_type};

/// Attributes whose change is made by stopping, changing and starting the container.
pub const RESTARTING: [&str; 3] = ["file", "secret", "restart_triggers"];

/// The comparison for one container: by the schema, and by what Docker can and cannot take back.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else { return plan_by_schema(schema, request) };
    let mut schema = Cow::Borrowed(schema);
    for name in irrevocable(prior, request.config) {
        let attribute = schema.to_mut().attributes.get_mut(name).expect("an attribute of the schema");
        attribute.replaces = true;
    }
    let mut planned = plan_by_schema(&schema, request);
    if planned.verdict == Verdict::Replace {
        return planned;
    }
    let flag = |name: &str| request.config.get(name).as_bool();
    let stopped = flag("stopped") == Some(true);
    let starts = is_down(prior) && flag("must_run") != Some(false) && !stopped;
    let stops = stopped && prior.get("running").as_bool() == Some(true);
    let changes = |name: &str| planned.changes.iter().any(|c| &*c.name == name);
    let restarts = starts || (!stopped && RESTARTING.into_iter().any(changes));
    let reconnects = changes("network");
    if starts {
        expect(&mut planned, prior, "running", true.into());
    }
    if restarts {
        expect_end(&mut planned, prior, request.config);
        if chooses_ports(request.config) || lacks_ports(prior, request.config) {
            expect(&mut planned, prior, "ports", Value::unknown(Type::list(port_type())));
        }
    }
    if stops {
        expect(&mut planned, prior, "running", false.into());
        expect(&mut planned, prior, "exit_code", Value::unknown(Type::Number));
    }
    if restarts || reconnects || stops {
        expect(&mut planned, prior, "networks", Value::unknown(Type::list(network_type())));
    }
    planned
}

/// Attributes whose change Docker cannot make in a container that exists: a limit cannot be
/// lifted, a file cannot be taken out, and the volume of secrets cannot be mounted later.
fn irrevocable(prior: &Object, config: &Object) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = ["memory", "memory_swap", "cpus", "cpu_shares"]
        .into_iter()
        .filter(|name| !prior.get(name).is_null() && config.get(name).is_null())
        .collect();
    if !paths(prior, "file").is_subset(&paths(config, "file")) {
        names.push("file");
    }
    let has_no_volume = prior.get("secrets_volume").is_null();
    let wants_secrets = !paths(config, "secret").is_empty() || config.get("secret").is_unknown();
    let loses_secrets = !paths(prior, "secret").is_subset(&paths(config, "secret"));
    if loses_secrets || (has_no_volume && wants_secrets) {
        names.push("secret");
    }
    names
}

/// Where the blocks put their files. A path that is not known yet counts as a new one.
fn paths(object: &Object, blocks: &str) -> BTreeSet<String> {
    let blocks = object.get(blocks).as_elements().unwrap_or_default();
    let path = |block: &Value| {
        let block = block.as_object()?;
        let path = block.get("path").as_str().map(str::to_owned);
        path.or_else(|| block.get("name").as_str().map(super::files::secret_path))
            .or_else(|| Some("?".to_owned()))
    };
    blocks.iter().filter_map(path).collect()
}

fn is_down(prior: &Object) -> bool {
    prior.get("running").as_bool() == Some(false)
}

fn chooses_ports(config: &Object) -> bool {
    let blocks = config.get("port").as_elements().unwrap_or_default();
    blocks.iter().filter_map(Value::as_object).any(|port| port.get("external").is_null())
}

/// It has never been up, so that its ports were never seen.
fn lacks_ports(prior: &Object, config: &Object) -> bool {
    let count = |object: &Object, name: &str| object.get(name).as_elements().map_or(0, <[Value]>::len);
    count(prior, "ports") < count(config, "port")
}

/// A container that does not have to run ends again, with a status that only the apply can tell.
fn expect_end(planned: &mut Planned, prior: &Object, config: &Object) {
    if config.get("must_run").as_bool() != Some(false) {
        planned.after.set("exit_code", Value::Null);
        return;
    }
    expect(planned, prior, "exit_code", Value::unknown(Type::Number));
    if config.get("wait").as_bool() == Some(false) {
        expect(planned, prior, "running", Value::unknown(Type::Bool));
    }
}

fn expect(planned: &mut Planned, prior: &Object, name: &'static str, after: Value) {
    planned.after.set(name, after.clone());
    planned.changes.retain(|c| &*c.name != name);
    planned.changes.push(Change {
        name: name.into(),
        before: prior.get(name).clone(),
        after,
        replaces: false,
    });
    planned.verdict = Verdict::Update;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::schema;

    fn config() -> Object {
        Object::new()
            .with("name", "web")
            .with("image", "sha256:1")
            .with("must_run", true)
            .with("memory", "256m")
            .with("file", Value::list([file("/a"), file("/b")]))
    }

    fn file(path: &str) -> Value {
        Value::object([("path", path.into()), ("content", "x".into())])
    }

    fn prior() -> Object {
        config().with("id", "1").with("running", true).with("ports", Value::list([]))
    }

    fn planned(config: &Object, prior: &Object) -> Planned {
        plan(&schema(), &PlanRequest { config, stored: Some(prior), observed: Some(prior) })
    }

    fn changed(planned: &Planned) -> Vec<&str> {
        planned.changes.iter().map(|c| &*c.name).collect()
    }

    #[test]
    fn equal_is_nothing() {
        assert_eq!(planned(&config(), &prior()).verdict, Verdict::Nothing);
    }

    #[test]
    fn a_stopped_container_is_started() {
        let planned = planned(&config(), &prior().with("running", false).with("exit_code", 137));
        assert_eq!(planned.verdict, Verdict::Update);
        assert_eq!(changed(&planned), ["running", "networks"]);
        assert_eq!(planned.after["running"], true.into());
        assert_eq!(planned.after["exit_code"], Value::Null);
    }

    #[test]
    fn a_container_that_need_not_run_stays_down() {
        let config = config().with("must_run", false);
        let prior = prior().with("must_run", false).with("running", false);
        assert_eq!(planned(&config, &prior).verdict, Verdict::Nothing);
    }

    #[test]
    fn what_is_to_be_stopped_is_stopped_stays_so_and_is_started_again() {
        let stop = config().with("stopped", true);
        let planned_stop = planned(&stop, &prior().with("stopped", false));
        assert_eq!(changed(&planned_stop), ["stopped", "running", "exit_code", "networks"]);
        assert_eq!(planned_stop.after["running"], false.into());
        let down = prior().with("stopped", true).with("running", false).with("exit_code", 0);
        assert_eq!(planned(&stop, &down).verdict, Verdict::Nothing);
        let somebody_started_it = down.clone().with("running", true).with("exit_code", Value::Null);
        assert_eq!(planned(&stop, &somebody_started_it).after["running"], false.into());
        let again = planned(&config().with("stopped", false), &down);
        assert_eq!((&again.after["running"], &again.after["exit_code"]), (&true.into(), &Value::Null));
    }

    #[test]
    fn a_raised_limit_is_set_and_a_lifted_one_replaces() {
        assert_eq!(planned(&config().with("memory", "1g"), &prior()).verdict, Verdict::Update);
        assert_eq!(planned(&config().with("memory", Value::Null), &prior()).verdict, Verdict::Replace);
    }

    #[test]
    fn a_changed_file_restarts_and_a_removed_one_replaces() {
        let other = Value::object([("path", "/b".into()), ("content", "y".into())]);
        let changed_file = config().with("file", Value::list([file("/a"), other]));
        let planned_change = planned(&changed_file, &prior());
        assert_eq!(planned_change.verdict, Verdict::Update);
        assert!(planned_change.impact.downtime.is_some());
        let removed = config().with("file", Value::list([file("/a")]));
        assert_eq!(planned(&removed, &prior()).verdict, Verdict::Replace);
    }

    #[test]
    fn secrets_can_be_added_only_where_there_is_a_volume_for_them() {
        let secret =
            Value::list([Value::object([("name", "db".into()), ("content", "x".into())])]).sensitive();
        let wanted = config().with("secret", secret);
        assert_eq!(planned(&wanted, &prior()).verdict, Verdict::Replace);
        assert_eq!(planned(&wanted, &prior().with("secrets_volume", "v")).verdict, Verdict::Update);
    }

    #[test]
    fn a_restart_makes_chosen_ports_unknown_and_given_ones_not() {
        let port =
            |external: Value| Value::list([Value::object([("internal", 80.into()), ("external", external)])]);
        for (external, unknown) in [(Value::Null, true), (8080.into(), false)] {
            let prior = prior().with("port", port(external.clone())).with("ports", port(8080.into()));
            let wanted = config()
                .with("port", port(external))
                .with("restart_triggers", Value::map([("a", "1".into())]));
            let planned = planned(&wanted, &prior);
            assert_eq!(planned.verdict, Verdict::Update);
            assert_eq!(planned.after["ports"].is_unknown(), unknown);
        }
    }
}
