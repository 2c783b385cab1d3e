use std::borrow::Cow;

use mprov_sdk::{Change, Object, PlanRequest, Planned, Schema, Type, Value, Verdict, plan_by_schema};

use super::difference::Difference;

/// The comparison for one instance: by the schema, and by what the update can bring about.
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let Some(prior) = request.observed else {
        let mut planned = plan_by_schema(schema, request);
        made(&mut planned.after);
        return planned;
    };
    let difference = Difference::between(prior, request.config);
    let mut schema = Cow::Borrowed(schema);
    for name in &difference.replaces {
        schema.to_mut().attributes.get_mut(*name).expect("an attribute of the schema").replaces = true;
    }
    if prior["id"].is_null() {
        // Telling the id of what was in doubt takes it over.
        schema.to_mut().attributes.get_mut("id").expect("an attribute of the schema").replaces = false;
    }
    let mut planned = plan_by_schema(&schema, request);
    match planned.verdict {
        Verdict::Replace | Verdict::Create => made(&mut planned.after),
        Verdict::Nothing if prior["ready"].as_bool() == Some(true) => {}
        Verdict::Nothing | Verdict::Update => {
            planned.verdict = Verdict::Update;
            expect(&mut planned, prior, "ready", true.into());
            // It is in doubt, and made by this step if by any.
            let is_made_now = prior["id"].is_null() && request.config["id"].is_null();
            if is_made_now {
                expect(&mut planned, prior, "id", Value::unknown(Type::String));
            }
            if prior["token"].is_null() || is_made_now {
                expect(&mut planned, prior, "token", Value::unknown(Type::String));
            }
            let moves = difference.sends || difference.is_adoption;
            let output = changed_outputs(prior, &planned.after, moves);
            expect(&mut planned, prior, "output", output);
        }
    }
    planned
}

/// What is known of something that is going to be made: the names of its outputs.
fn made(after: &mut Object) {
    let unknown = |_: &str| Value::unknown(Type::Any);
    let output = outputs(after, &unknown);
    after.set("output", output);
    after.set("ready", true);
}

/// Outputs after an update: those that it cannot change stay known.
fn changed_outputs(prior: &Object, after: &Object, moves: bool) -> Value {
    let now = prior["output"].as_object().cloned().unwrap_or_default();
    let stable = names(&after["stable_outputs"]);
    let once = told_once(after);
    let place = |object: &Object, name: &str| object["outputs"].as_object().map(|o| o[name].clone());
    outputs(after, &|name| {
        let keeps = once.iter().any(|n| n == name)
            || ((!moves || stable.iter().any(|n| n == name)) && place(prior, name) == place(after, name));
        match now.lookup(name) {
            Some(value) if keeps => value.clone(),
            _ => Value::unknown(Type::Any),
        }
    })
}

/// An object of all declared outputs, marked as they are declared.
fn outputs(instance: &Object, value: &dyn Fn(&str) -> Value) -> Value {
    let declared = &instance["outputs"];
    if declared.is_unknown() || instance["sensitive_outputs"].contains_unknown() {
        return Value::unknown(Type::Any);
    }
    let secret = names(&instance["sensitive_outputs"]);
    let read = declared.as_object().map(|o| o.keys().map(|n| n.to_string()).collect()).unwrap_or_default();
    let all: Vec<String> = [told_once(instance), read].concat();
    let each = all.into_iter().map(|name| {
        let value = value(&name).with_sensitivity(secret.contains(&name));
        (name, value)
    });
    Value::from(each.collect::<Object>())
}

/// Names of the outputs that only the create tells.
fn told_once(instance: &Object) -> Vec<String> {
    let outputs = instance["create"].as_object().and_then(|create| create["outputs"].as_object());
    outputs.map(|o| o.keys().map(|n| n.to_string()).collect()).unwrap_or_default()
}

fn names(list: &Value) -> Vec<String> {
    let items = list.as_elements().unwrap_or_default();
    items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn expect(planned: &mut Planned, prior: &Object, name: &'static str, after: Value) {
    planned.after.set(name, after.clone());
    planned.changes.retain(|change| &*change.name != name);
    if !prior[name].same(&after) {
        let before = prior[name].clone();
        planned.changes.push(Change { name: name.into(), before, after, replaces: false });
    }
}
