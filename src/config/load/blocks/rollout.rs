use hcl_edit::expr::Expression;
use mprov_sdk::{Diagnostic, Diagnostics, Span, Type, Value, convert};

use super::fields::Fields;
use super::repeat::items;
use crate::config::eval::constant;
use crate::config::{NestedBlock, Rehearse, Repeat, RolloutBlock};

/// The `rollout` block of a module call.
pub fn rollout(block: NestedBlock, repeat: &Repeat, diagnostics: &mut Diagnostics) -> Option<RolloutBlock> {
    let span = block.span;
    if !matches!(repeat, Repeat::Once) {
        diagnostics.push(
            Diagnostic::error(1350, "a module with a rollout has neither count nor for_each")
                .at(span)
                .detail("Its instances are its generations. Write one call for each site."),
        );
        return None;
    }
    let mut fields = Fields::new("a rollout block", block.body, diagnostics);
    let mut on = Vec::new();
    if let Some(expr) = fields.required("on") {
        for item in items(&expr, "on", &mut fields) {
            match item.node() {
                Expression::Variable(name) => on.push((name.as_str().into(), item.span())),
                _ => fields.diagnostics.push(not_an_input(item.span())),
            }
        }
    }
    let keep = keep(&mut fields);
    let rehearse = match fields.text("rehearse") {
        None => Rehearse::default(),
        Some((text, _)) if text == "required" => Rehearse::Required,
        Some((text, _)) if text == "optional" => Rehearse::Optional,
        Some((_, place)) => {
            fields.diagnostics.push(
                Diagnostic::error(1019, "\"rehearse\" is \"required\" or \"optional\"")
                    .at(place)
                    .detail("With \"required\", users are only switched to what a rehearsal has proved."),
            );
            Rehearse::default()
        }
    };
    fields.finish();
    Some(RolloutBlock { on, keep, rehearse, span })
}

/// One previous generation unless another number is given.
fn keep(fields: &mut Fields<'_>) -> u32 {
    let Some(expr) = fields.expr("keep") else { return 1 };
    let value = constant(&expr).ok().and_then(|v| convert(v.unmark().0, &Type::Number).ok());
    let number = value.as_ref().and_then(Value::as_i64).and_then(|n| u32::try_from(n).ok());
    number.filter(|n| *n <= 100).unwrap_or_else(|| {
        fields.diagnostics.push(
            Diagnostic::error(1019, "\"keep\" has to be a whole number from 0 to 100, written out")
                .at(expr.span()),
        );
        1
    })
}

fn not_an_input(span: Span) -> Diagnostic {
    Diagnostic::error(1351, "\"on\" names inputs of the module")
        .at(span)
        .detail("Write the names of its variables without quotes, on = [release, image].")
}
