use mprov_sdk::{Diagnostic, Diagnostics, Name};

use super::Checked;
use crate::config::ModuleCall;
use crate::config::eval::did_you_mean;

/// The arguments of a module call against the variables of the module.
pub fn check_call(name: &Name, call: &ModuleCall, checked: &Checked, diagnostics: &mut Diagnostics) {
    if !checked.complete {
        return;
    }
    let variables = &call.module.variables;
    for (argument, expr) in &call.arguments {
        if variables.contains_key(argument) {
            continue;
        }
        let near = did_you_mean(
            argument,
            variables.keys().map(|n| &**n).filter(|n| !call.arguments.contains_key(*n)),
        );
        let advice = match (near.is_empty(), variables.is_empty()) {
            (false, _) => near,
            (true, true) => "The module has no variables.".into(),
            (true, false) => format!("Its variables are {}.", listed(variables.keys())),
        };
        diagnostics.push(
            Diagnostic::error(1434, format!("module \"{name}\" has no variable \"{argument}\""))
                .at(expr.span())
                .detail(advice),
        );
    }
    for (name, span) in call.rollout.iter().flat_map(|r| &r.on) {
        if !variables.contains_key(name) {
            diagnostics.push(
                Diagnostic::error(1351, format!("\"{name}\" is not an input of the module"))
                    .at(*span)
                    .detail(did_you_mean(name, variables.keys().map(|n| &**n))),
            );
        }
    }
    for (variable, declared) in variables {
        if declared.default.is_some() || call.arguments.contains_key(variable) {
            continue;
        }
        let description =
            declared.description.as_deref().map(|d| format!(" It is described as: {d}")).unwrap_or_default();
        diagnostics.push(
            Diagnostic::error(1435, format!("module \"{name}\" needs the argument \"{variable}\""))
                .at(call.span)
                .label(declared.span, "this variable has no default")
                .detail(format!("Add {variable} = ... to the call.{description}")),
        );
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    names.map(|n| &**n).collect::<Vec<_>>().join(", ")
}
