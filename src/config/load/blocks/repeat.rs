use hcl_edit::expr::Expression;
use mprov_sdk::{Diagnostic, Span};

use super::fields::Fields;
use crate::config::eval::parse_reference;
use crate::config::{Expr, Reference, Repeat, Subject};

/// The meta-arguments `count` and `for_each`.
pub fn repeat(fields: &mut Fields<'_>) -> Repeat {
    match (fields.argument("count"), fields.argument("for_each")) {
        (None, None) => Repeat::Once,
        (Some(count), None) => Repeat::Count(count.expr),
        (None, Some(for_each)) => Repeat::ForEach(for_each.expr),
        (Some(count), Some(for_each)) => {
            fields.diagnostics.push(
                Diagnostic::error(1342, "count and for_each exclude each other")
                    .at(for_each.name_span)
                    .label(count.name_span, "count is set here")
                    .detail("Keep for_each where the instances differ, count where they are only many."),
            );
            Repeat::ForEach(for_each.expr)
        }
    }
}

/// The meta-argument `depends_on`.
pub fn depends_on(fields: &mut Fields<'_>) -> Vec<Reference> {
    let Some(expr) = fields.expr("depends_on") else { return Vec::new() };
    let mut references = Vec::new();
    for item in items(&expr, "depends_on", fields) {
        match parse_reference(&item) {
            Err(error) => fields.diagnostics.push(error),
            Ok(reference) if matches!(reference.subject, Subject::Resource(_) | Subject::Module(_)) => {
                references.push(reference);
            }
            Ok(reference) => fields.diagnostics.push(
                Diagnostic::error(1114, "depends_on names resources, data sources and modules")
                    .at(reference.span)
                    .detail(
                        "Variables and locals are followed wherever they are used; they need no \
                        mention here.",
                    ),
            ),
        }
    }
    references
}

/// The items of a list that is written out, each as an expression of its own.
pub fn items(expr: &Expr, name: &str, fields: &mut Fields<'_>) -> Vec<Expr> {
    let Expression::Array(array) = expr.node() else {
        fields.diagnostics.push(not_a_list(name, expr.span()));
        return Vec::new();
    };
    let offset = expr.place(Some(0..0)).start;
    array.iter().map(|node| Expr::new(node.clone(), expr.source(), offset)).collect()
}

fn not_a_list(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(1019, format!("\"{name}\" takes a list that is written out"))
        .at(span)
        .detail(format!("Write {name} = [...]; it has to be known before anything is evaluated."))
}
