use crate::{Attribute, Impact, Name, Object, Presence, Schema, Value};

/// The three views of one instance.
#[derive(Clone, Copy, Debug)]
pub struct PlanRequest<'a> {
    /// Desired: every settable attribute of the schema, defaults filled in; null where the
    /// configuration says nothing; unknown where only the apply can tell.
    pub config: &'a Object,
    /// Stored: what the last apply recorded.
    pub stored: Option<&'a Object>,
    /// Observed: what the provider sees now. None means that it does not exist.
    pub observed: Option<&'a Object>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Nothing,
    Create,
    Update,
    Replace,
}

/// One attribute that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: Name,
    pub before: Value,
    pub after: Value,
    /// The change cannot be made in place.
    pub replaces: bool,
}

/// What is to become of one instance.
#[derive(Clone, Debug)]
pub struct Planned {
    pub verdict: Verdict,
    /// Every attribute after the apply; unknown where only the apply can tell.
    pub after: Object,
    /// Only those that change; empty for a create.
    pub changes: Vec<Change>,
    pub impact: Impact,
}

/// The comparison that the schema alone decides.
///
/// Observed values win over stored ones as what there is; a sensitive mark is not a difference.
pub fn plan_by_schema(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else {
        let after =
            schema.attributes.iter().map(|(n, a)| (n.clone(), created(a, &request.config[n]))).collect();
        return Planned { verdict: Verdict::Create, after, changes: Vec::new(), impact: Impact::default() };
    };

    let mut changes = Vec::new();
    let mut impact = Impact::default();
    for (name, attribute) in &schema.attributes {
        let wanted = &request.config[name];
        let left_to_provider = attribute.is_computed() && wanted.is_null();
        if left_to_provider || wanted.same(&prior[name]) {
            continue;
        }
        if let Some(noticed) = &attribute.impact {
            impact = impact.join(noticed);
        }
        changes.push(Change {
            name: name.clone(),
            before: prior[name].clone().with_sensitivity(attribute.sensitive),
            after: wanted.clone().with_sensitivity(attribute.sensitive),
            replaces: attribute.replaces,
        });
    }
    let verdict = match () {
        () if changes.is_empty() => Verdict::Nothing,
        () if changes.iter().any(|c| c.replaces) => Verdict::Replace,
        () => Verdict::Update,
    };

    let mut after = Object::new();
    for (name, attribute) in &schema.attributes {
        let wanted = &request.config[name];
        let value = match verdict {
            Verdict::Replace => created(attribute, wanted),
            _ if attribute.is_computed() && wanted.is_null() => {
                let stale = changes.iter().any(|c| attribute.recomputed_by.contains(&&*c.name));
                match stale {
                    true => Value::unknown(attribute.ty.clone()),
                    false => prior[name].clone(),
                }
            }
            _ => wanted.clone(),
        };
        after.set(name.clone(), value.with_sensitivity(attribute.sensitive));
    }
    if verdict != Verdict::Replace {
        let recomputed = schema
            .attributes
            .iter()
            .filter(|(name, _)| after[name].is_unknown() && request.config[name].is_null());
        let recomputed: Vec<Change> = recomputed
            .map(|(name, attribute)| Change {
                name: name.clone(),
                before: prior[name].clone().with_sensitivity(attribute.sensitive),
                after: after[name].clone(),
                replaces: false,
            })
            .collect();
        changes.extend(recomputed);
    } else {
        if let Some(noticed) = &schema.delete_impact {
            impact = impact.join(noticed);
        }
        if let Some(data) = schema.holds_data {
            impact = impact.join(&Impact::data_lost(data));
        }
    }
    Planned { verdict, after, changes, impact }
}

fn created(attribute: &Attribute, wanted: &Value) -> Value {
    let value = match attribute.presence {
        Presence::Computed | Presence::OptionalComputed if wanted.is_null() => {
            Value::unknown(attribute.ty.clone())
        }
        _ => wanted.clone(),
    };
    value.with_sensitivity(attribute.sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    fn schema() -> Schema {
        Schema::new(
            "test_thing",
            "",
            [
                ("name", Attribute::required(Type::String, "").replaces()),
                ("size", Attribute::optional(Type::Number, "")),
                ("id", Attribute::computed(Type::String, "")),
                ("digest", Attribute::computed(Type::String, "").recomputed_by(["size"])),
            ],
        )
    }

    fn config(name: &str, size: i64) -> Object {
        Object::new().with("name", name).with("size", size)
    }

    fn prior() -> Object {
        config("a", 1).with("id", "1").with("digest", "d1")
    }

    fn planned(config: &Object, observed: Option<&Object>) -> Planned {
        plan_by_schema(&schema(), &PlanRequest { config, stored: observed, observed })
    }

    #[test]
    fn what_is_not_there_is_created_with_unknown_computed_values() {
        let planned = planned(&config("a", 1), None);
        assert_eq!(planned.verdict, Verdict::Create);
        assert!(planned.after["id"].is_unknown());
        assert_eq!(planned.after["name"], "a".into());
    }

    #[test]
    fn equal_is_nothing() {
        let planned = planned(&config("a", 1), Some(&prior()));
        assert_eq!(planned.verdict, Verdict::Nothing);
        assert_eq!(planned.after, prior());
    }

    #[test]
    fn an_update_makes_only_dependent_computed_values_unknown() {
        let planned = planned(&config("a", 2), Some(&prior()));
        assert_eq!(planned.verdict, Verdict::Update);
        assert_eq!(planned.after["id"], "1".into());
        assert!(planned.after["digest"].is_unknown());
        let names: Vec<_> = planned.changes.iter().map(|c| &*c.name).collect();
        assert_eq!(names, ["size", "digest"]);
    }

    #[test]
    fn a_replacing_attribute_replaces() {
        let planned = planned(&config("b", 1), Some(&prior()));
        assert_eq!(planned.verdict, Verdict::Replace);
        assert!(planned.after["id"].is_unknown());
    }
}
