use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Type, Value, Verdict, plan_by_schema};

/// Attributes that decide what the command does: a change of them has to be carried out.
pub const EFFECT: [&str; 4] = ["create", "environment", "stdin", "working_dir"];
const OUTPUTS: [&str; 3] = ["stdout", "exit_code", "observed"];

/// The comparison for `host_command`.
///
/// A change of what the command does, or a drift of what its `read` command says, runs the
/// `update` command where there is one, and otherwise replaces. A change of the other commands is
/// only recorded.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let mut planned = plan_by_schema(schema, request);
    if let Some(prior) = request.observed {
        let drifted = request.stored.is_some_and(|stored| !stored["observed"].same(&prior["observed"]));
        if drifted && planned.verdict != Verdict::Replace && !changes(&planned, "observed") {
            planned.changes.push(Change {
                name: "observed".into(),
                before: prior["observed"].clone(),
                after: Value::unknown(Type::String),
                replaces: false,
            });
        }
        let effective = drifted || EFFECT.iter().any(|name| changes(&planned, name));
        if effective && planned.verdict != Verdict::Replace {
            carry_out(schema, request, prior, &mut planned);
        }
    }
    if request.config["sensitive_output"].as_bool() == Some(true) {
        mark_outputs(&mut planned);
    }
    planned
}

fn carry_out(schema: &Schema, request: &PlanRequest<'_>, prior: &Object, planned: &mut Planned) {
    if request.config["update"].is_null() {
        let anew = plan_by_schema(schema, &PlanRequest { observed: None, ..*request });
        planned.verdict = Verdict::Replace;
        planned.after = anew.after;
        for change in &mut planned.changes {
            change.replaces = *change.name == *"observed" || EFFECT.contains(&&*change.name);
        }
        return;
    }
    planned.verdict = Verdict::Update;
    for name in OUTPUTS {
        let unknown = Value::unknown(schema.attributes[name].ty.clone());
        planned.after.set(name, unknown.clone());
        if !changes(planned, name) {
            planned.changes.push(Change {
                name: name.into(),
                before: prior[name].clone(),
                after: unknown,
                replaces: false,
            });
        }
    }
}

fn changes(planned: &Planned, name: &str) -> bool {
    planned.changes.iter().any(|c| &*c.name == name)
}

fn mark_outputs(planned: &mut Planned) {
    for name in ["stdout", "observed"] {
        let marked = planned.after[name].clone().sensitive();
        planned.after.set(name, marked);
    }
    for change in &mut planned.changes {
        if ["stdout", "observed"].contains(&&*change.name) {
            change.before = change.before.clone().sensitive();
            change.after = change.after.clone().sensitive();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::command::schema;

    fn config() -> Object {
        Object::new().with("create", "make").with("read", "look").with("sensitive_output", false)
    }

    fn made() -> Object {
        config().with("stdout", "done").with("exit_code", 0).with("observed", "v1")
    }

    fn planned(config: &Object, observed: &Object) -> Planned {
        plan(&schema(), &PlanRequest { config, stored: Some(&made()), observed: Some(observed) })
    }

    #[test]
    fn nothing_changed_is_nothing() {
        assert_eq!(planned(&config(), &made()).verdict, Verdict::Nothing);
    }

    #[test]
    fn another_create_command_replaces_unless_there_is_an_update_command() {
        let changed = planned(&config().with("create", "make -B"), &made());
        assert_eq!(changed.verdict, Verdict::Replace);
        assert!(changed.changes.iter().any(|c| c.replaces && *c.name == *"create"));
        let changed = planned(&config().with("create", "make -B").with("update", "remake"), &made());
        assert_eq!(changed.verdict, Verdict::Update);
        assert!(changed.after["stdout"].is_unknown() && changed.after["observed"].is_unknown());
    }

    #[test]
    fn drift_of_the_read_commands_output_is_carried_out() {
        let drifted = made().with("observed", "v2");
        assert_eq!(planned(&config(), &drifted).verdict, Verdict::Replace);
        let updated = planned(&config().with("update", "remake"), &drifted);
        assert_eq!(updated.verdict, Verdict::Update);
        assert!(updated.changes.iter().any(|c| *c.name == *"observed" && c.before == "v2".into()));
    }

    #[test]
    fn another_delete_command_is_only_recorded() {
        let recorded = planned(&config().with("delete", "unmake"), &made());
        assert_eq!(recorded.verdict, Verdict::Update);
        assert_eq!(recorded.after["stdout"], "done".into());
    }

    #[test]
    fn sensitive_output_is_marked_before_it_is_known() {
        let config = config().with("sensitive_output", true);
        let request = PlanRequest { config: &config, stored: None, observed: None };
        let planned = plan(&schema(), &request);
        assert!(planned.after["stdout"].contains_sensitive() && planned.after["stdout"].is_unknown());
    }
}
