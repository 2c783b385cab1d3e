use jiff::Timestamp;
use mprov_sdk::{
    Attribute, Change, Fault, Object, PlanRequest, Planned, Schema, Type, Verdict, plan_by_schema,
};

use crate::kept::Kind;

/// `core_value`: keeps a value, the meaning of Terraform's `terraform_data`.
///
/// One thing is better: `output` is the planned `input`, so it is known in the plan whenever
/// `input` is.
pub struct CoreValue;

impl Kind for CoreValue {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_value",
            "A value that is kept in the state, and a place to hang replacements on.",
            [
                ("input", Attribute::optional(Type::Any, "The value to keep.")),
                (
                    "triggers_replace",
                    Attribute::optional(Type::Any, "A change of it replaces the instance.").replaces(),
                ),
                ("output", Attribute::computed(Type::Any, "The value of `input`.")),
                ("id", Attribute::computed(Type::String, "A random UUID, new with every replacement.")),
            ],
        )
        .value()
    }

    fn plan(&self, schema: &Schema, request: &PlanRequest<'_>) -> Planned {
        let mut planned = plan_by_schema(schema, request);
        let output = request.config["input"].clone();
        if let Some(prior) = request.observed
            && !output.same(&prior["output"])
        {
            planned.changes.push(Change {
                name: "output".into(),
                before: prior["output"].clone(),
                after: output.clone(),
                replaces: false,
            });
            if planned.verdict == Verdict::Nothing {
                planned.verdict = Verdict::Update;
            }
        }
        planned.after.set("output", output);
        planned
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let id = uuid::Uuid::new_v4().to_string();
        Ok(planned.clone().with("output", planned["input"].clone()).with("id", id))
    }

    fn revise(&self, _: &Object, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        Ok(planned.clone().with("output", planned["input"].clone()))
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Value;

    use super::*;

    fn config(input: Value, triggers: Value) -> Object {
        Object::new().with("input", input).with("triggers_replace", triggers)
    }

    fn plan(config: &Object, observed: Option<&Object>) -> Planned {
        CoreValue.plan(&CoreValue.schema(), &PlanRequest { config, stored: observed, observed })
    }

    fn made(config: &Object) -> Object {
        let planned = plan(config, None);
        CoreValue.make(&planned.after, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn the_output_of_a_known_input_is_known_in_the_plan() {
        let planned = plan(&config("a".into(), Value::Null), None);
        assert_eq!(planned.verdict, Verdict::Create);
        assert_eq!(planned.after["output"], "a".into());
        assert!(planned.after["id"].is_unknown());
    }

    #[test]
    fn an_unchanged_input_changes_nothing() {
        for input in [Value::Null, "a".into(), Value::tuple([1.into(), "x".into()])] {
            let config = config(input, Value::Null);
            let prior = made(&config);
            let planned = plan(&config, Some(&prior));
            assert_eq!(planned.verdict, Verdict::Nothing);
            assert_eq!(planned.after, prior);
        }
    }

    #[test]
    fn a_changed_input_updates_in_place_and_keeps_the_id() {
        let prior = made(&config("a".into(), Value::Null));
        let planned = plan(&config("b".into(), Value::Null), Some(&prior));
        assert_eq!(planned.verdict, Verdict::Update);
        let now = CoreValue.revise(&prior, &planned.after, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((&now["output"], &now["id"]), (&"b".into(), &prior["id"]));
    }

    #[test]
    fn an_input_known_after_apply_leaves_the_output_unknown() {
        let prior = made(&config("a".into(), Value::Null));
        let planned = plan(&config(Value::unknown(Type::String), Value::Null), Some(&prior));
        assert_eq!(planned.verdict, Verdict::Update);
        assert!(planned.after["output"].is_unknown());
    }

    #[test]
    fn changed_triggers_replace() {
        let prior = made(&config("a".into(), 1.into()));
        let planned = plan(&config("a".into(), 2.into()), Some(&prior));
        assert_eq!(planned.verdict, Verdict::Replace);
        assert!(planned.after["id"].is_unknown());
        assert_eq!(planned.after["output"], "a".into());
    }

    #[test]
    fn a_sensitive_input_gives_a_sensitive_output() {
        let secret = made(&config(Value::from("s").sensitive(), Value::Null));
        assert!(secret["output"].contains_sensitive());
    }
}
