use mprov_sdk::{Diagnostic, Diagnostics, Name};

use super::fields::Fields;
use super::name::{duplicate, labels};
use super::repeat::depends_on;
use super::variable::reject_ephemeral;
use crate::config::load::parse::Block;
use crate::config::{Argument, Local, Module, Output};

pub fn locals(block: Block, module: &mut Module, diagnostics: &mut Diagnostics) {
    if labels(&block, [], diagnostics).is_none() {
        return;
    }
    for inner in &block.body.blocks {
        diagnostics.push(
            Diagnostic::error(1013, "locals are arguments, not blocks")
                .at(inner.span)
                .detail(format!("For an object write {} = {{ ... }}.", inner.name)),
        );
    }
    let mut arguments: Vec<(Name, Argument)> = block.body.arguments.into_iter().collect();
    arguments.sort_by_key(|(_, argument)| argument.name_span);
    for (name, argument) in arguments {
        let span = argument.name_span;
        match module.locals.get(&name) {
            Some(first) => diagnostics.push(duplicate(&format!("local \"{name}\""), span, first.span)),
            None => {
                module.locals.insert(name, Local { expr: argument.expr, span });
            }
        }
    }
}

pub fn output(block: Block, module: &mut Module, diagnostics: &mut Diagnostics) {
    let Some([(name, _)]) = labels(&block, ["name"], diagnostics) else { return };
    let span = block.body.span;
    let mut fields = Fields::new("an output", block.body, diagnostics);
    let expr = fields.required("value");
    let description = fields.text("description").map(|(text, _)| text);
    let sensitive = fields.flag("sensitive");
    let depends_on = depends_on(&mut fields);
    let preconditions = fields.conditions("precondition");
    reject_ephemeral(&mut fields);
    fields.finish();

    if let Some(first) = module.outputs.get(&name) {
        diagnostics.push(duplicate(&format!("output \"{name}\""), span, first.span));
        return;
    }
    let Some(expr) = expr else { return };
    module.outputs.insert(name, Output { expr, description, sensitive, depends_on, preconditions, span });
}
