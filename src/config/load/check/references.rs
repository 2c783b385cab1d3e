use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Diagnostic, Diagnostics, Name};

use super::Checked;
use super::names::undeclared;
use crate::config::eval::{body_references, references};
use crate::config::{Body, Condition, EachPart, Expr, Module, Reference, Repeat, Subject};

/// Whether each reference of a module names something, at a place where that means something.
pub fn check(module: &Module, children: &BTreeMap<Name, Arc<Checked>>, diagnostics: &mut Diagnostics) {
    let mut check = Check { module, children, diagnostics };
    let nowhere = Place { repeat: &Repeat::Once, has_self: false };
    for variable in module.variables.values() {
        check.conditions(&variable.validations, nowhere);
    }
    for local in module.locals.values() {
        check.expr(&local.expr, nowhere);
    }
    for output in module.outputs.values() {
        check.expr(&output.expr, nowhere);
        check.conditions(&output.preconditions, nowhere);
        check.all(&output.depends_on, nowhere);
    }
    for provider in module.providers.values() {
        check.body(&provider.body, nowhere);
    }
    for resource in module.resources.values() {
        let place = Place { repeat: &resource.repeat, has_self: false };
        check.repeat(&resource.repeat);
        check.all(&resource.depends_on, place);
        check.body(&resource.body, place);
        let lifecycle = &resource.lifecycle;
        lifecycle.replace_triggered_by.iter().for_each(|expr| check.expr(expr, place));
        check.conditions(&lifecycle.preconditions, place);
        check.conditions(&lifecycle.postconditions, Place { has_self: true, ..place });
    }
    for call in module.calls.values() {
        let place = Place { repeat: &call.repeat, has_self: false };
        check.repeat(&call.repeat);
        check.all(&call.depends_on, place);
        call.arguments.values().for_each(|expr| check.expr(expr, place));
    }
}

/// What a place gives a meaning to.
#[derive(Clone, Copy)]
struct Place<'m> {
    repeat: &'m Repeat,
    has_self: bool,
}

struct Check<'m> {
    module: &'m Module,
    children: &'m BTreeMap<Name, Arc<Checked>>,
    diagnostics: &'m mut Diagnostics,
}

impl Check<'_> {
    fn expr(&mut self, expr: &Expr, place: Place<'_>) {
        let (found, faults) = references(expr);
        self.diagnostics.extend(faults);
        self.all(&found, place);
    }

    fn body(&mut self, body: &Body, place: Place<'_>) {
        let (found, faults) = body_references(body);
        self.diagnostics.extend(faults);
        self.all(&found, place);
    }

    fn conditions(&mut self, conditions: &[Condition], place: Place<'_>) {
        for condition in conditions {
            self.expr(&condition.condition, place);
            self.expr(&condition.error_message, place);
        }
    }

    /// `count` and `for_each` themselves belong to no instance.
    fn repeat(&mut self, repeat: &Repeat) {
        if let Repeat::Count(expr) | Repeat::ForEach(expr) = repeat {
            self.expr(expr, Place { repeat: &Repeat::Once, has_self: false });
        }
    }

    fn all(&mut self, references: &[Reference], place: Place<'_>) {
        for reference in references {
            let fault =
                misplaced(reference, place).or_else(|| undeclared(reference, self.module, self.children));
            if let Some(fault) = fault {
                self.diagnostics.push(fault);
            }
        }
    }
}

fn misplaced(reference: &Reference, place: Place<'_>) -> Option<Diagnostic> {
    let (name, needs, fits) = match &reference.subject {
        Subject::Each(EachPart::Key) => ("each.key", "for_each", matches!(place.repeat, Repeat::ForEach(_))),
        Subject::Each(EachPart::Value) => {
            ("each.value", "for_each", matches!(place.repeat, Repeat::ForEach(_)))
        }
        Subject::CountIndex => ("count.index", "count", matches!(place.repeat, Repeat::Count(_))),
        Subject::SelfObject if place.has_self => return None,
        Subject::SelfObject => {
            return Some(
                Diagnostic::error(1110, "\"self\" means something only in postconditions")
                    .at(reference.span)
                    .detail("Elsewhere name the resource, as in docker_container.web."),
            );
        }
        _ => return None,
    };
    if fits {
        return None;
    }
    let advice = match (place.repeat, needs) {
        (Repeat::ForEach(_), "count") => "This block repeats with for_each: use each.key or each.value.",
        (Repeat::Count(_), "for_each") => "This block repeats with count: use count.index.",
        (_, "count") => "Set count in this block; the argument count itself cannot use it.",
        _ => "Set for_each in this block; the argument for_each itself cannot use it.",
    };
    Some(
        Diagnostic::error(1110, format!("\"{name}\" means something only in blocks with {needs}"))
            .at(reference.span)
            .detail(advice),
    )
}
