use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Diagnostic, Mode, Name};

use super::Checked;
use crate::config::eval::{did_you_mean, nearest};
use crate::config::{Module, Reference, Repeat, ResourceId, Subject};

/// The error of a reference that names nothing in its module.
pub fn undeclared(
    reference: &Reference,
    module: &Module,
    children: &BTreeMap<Name, Arc<Checked>>,
) -> Option<Diagnostic> {
    let missing = |what: String, advice: String| {
        Some(Diagnostic::error(1101, format!("{what} is not declared")).at(reference.span).detail(advice))
    };
    match &reference.subject {
        Subject::Variable(name) if !module.variables.contains_key(name) => {
            let declare = format!("Declare it: variable \"{name}\" {{}}.");
            missing(format!("variable \"{name}\""), near(name, module.variables.keys(), declare))
        }
        Subject::Local(name) if !module.locals.contains_key(name) => {
            let declare = format!("Declare it: locals {{ {name} = ... }}.");
            missing(format!("local \"{name}\""), near(name, module.locals.keys(), declare))
        }
        Subject::Module(name) => match module.calls.get(name) {
            None => {
                let declare = format!("Declare it: module \"{name}\" {{ source = ... }}.");
                missing(format!("module \"{name}\""), near(name, module.calls.keys(), declare))
            }
            Some(call) => {
                let complete = children.get(name).is_some_and(|c| c.complete);
                let attribute = reference.attribute.as_ref()?;
                // Behind a module that repeats, the attribute may be the key of an instance.
                let certain = complete && matches!(call.repeat, Repeat::Once);
                (certain && !call.module.outputs.contains_key(attribute))
                    .then(|| no_output(reference, name, attribute, &call.module))
            }
        },
        Subject::Resource(id) if !module.resources.contains_key(id) => {
            let what = if id.mode == Mode::Data { "data source" } else { "resource" };
            missing(format!("{what} \"{id}\""), resource_advice(id, module))
        }
        _ => None,
    }
}

fn no_output(reference: &Reference, call: &Name, attribute: &Name, module: &Module) -> Diagnostic {
    let all = match module.outputs.is_empty() {
        true => "The module has no outputs.".to_owned(),
        false => {
            format!("Its outputs are {}.", module.outputs.keys().map(|n| &**n).collect::<Vec<_>>().join(", "))
        }
    };
    Diagnostic::error(1112, format!("module \"{call}\" has no output \"{attribute}\""))
        .at(reference.span)
        .detail(near(attribute, module.outputs.keys(), all))
}

fn resource_advice(id: &ResourceId, module: &Module) -> String {
    let other = match id.mode {
        Mode::Managed => Mode::Data,
        Mode::Data => Mode::Managed,
    };
    let twin = ResourceId { mode: other, ..id.clone() };
    if module.resources.contains_key(&twin) {
        return format!("There is {twin}; write that.");
    }
    let same_kind: Vec<&ResourceId> =
        module.resources.keys().filter(|r| r.mode == id.mode && r.kind == id.kind).collect();
    let by_name = nearest(&id.name, same_kind.iter().map(|r| &*r.name));
    if let Some(name) = by_name {
        let found = ResourceId { name: name.into(), ..id.clone() };
        return format!("Did you mean \"{found}\"?");
    }
    let written: Vec<String> = module.resources.keys().map(|r| r.to_string()).collect();
    match did_you_mean(&id.to_string(), written.iter().map(String::as_str)) {
        near if near.is_empty() => {
            "A reference reaches the resources of its own module only; what is in a called \
                                    module comes out through its outputs."
                .into()
        }
        near => near,
    }
}

fn near<'a>(wrong: &str, names: impl Iterator<Item = &'a Name>, otherwise: String) -> String {
    match did_you_mean(wrong, names.map(|n| &**n)) {
        near if near.is_empty() => otherwise,
        near => near,
    }
}
