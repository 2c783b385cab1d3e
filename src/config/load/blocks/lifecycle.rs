use hcl_edit::expr::Expression;
use mprov_sdk::{Diagnostic, Diagnostics, Mode};

use super::fields::Fields;
use super::repeat::items;
use crate::config::{Expr, IgnoreChanges, Lifecycle, NestedBlock};

/// The `lifecycle` block of a resource, or of a data source, which has conditions only.
pub fn lifecycle(block: NestedBlock, mode: Mode, diagnostics: &mut Diagnostics) -> Lifecycle {
    if mode == Mode::Data {
        let mut fields = Fields::new("the lifecycle of a data source", block.body, diagnostics);
        let preconditions = fields.conditions("precondition");
        let postconditions = fields.conditions("postcondition");
        fields.finish();
        return Lifecycle { preconditions, postconditions, ..Lifecycle::default() };
    }
    let mut fields = Fields::new("a lifecycle block", block.body, diagnostics);
    let lifecycle = Lifecycle {
        create_before_destroy: fields.flag("create_before_destroy"),
        prevent_destroy: fields.flag("prevent_destroy"),
        atomic: fields.flag("atomic"),
        after_switch: fields.flag("after_switch"),
        ignore_changes: ignore_changes(&mut fields),
        replace_triggered_by: replace_triggered_by(&mut fields),
        preconditions: fields.conditions("precondition"),
        postconditions: fields.conditions("postcondition"),
    };
    fields.finish();
    lifecycle
}

fn replace_triggered_by(fields: &mut Fields<'_>) -> Vec<Expr> {
    match fields.expr("replace_triggered_by") {
        Some(expr) => items(&expr, "replace_triggered_by", fields),
        None => Vec::new(),
    }
}

fn ignore_changes(fields: &mut Fields<'_>) -> IgnoreChanges {
    let Some(expr) = fields.expr("ignore_changes") else { return IgnoreChanges::None };
    if matches!(expr.node(), Expression::Variable(name) if name.as_str() == "all") {
        return IgnoreChanges::All;
    }
    let mut names = Vec::new();
    for item in items(&expr, "ignore_changes", fields) {
        match item.node() {
            Expression::Variable(name) => names.push((name.as_str().into(), item.span())),
            _ => fields.diagnostics.push(
                Diagnostic::error(1344, "ignore_changes names whole attributes of the resource")
                    .at(item.span())
                    .detail(
                        "Write their names without quotes, ignore_changes = [image, env], or \
                        ignore_changes = all.",
                    ),
            ),
        }
    }
    IgnoreChanges::Only(names)
}
