use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey, TraversalOperator};
use mprov_sdk::{Diagnostic, Diagnostics, Span};

use crate::config::{Expr, ProviderRef};

/// `docker` or `docker.remote`.
pub fn provider_ref(expr: &Expr) -> Result<(ProviderRef, Span), Diagnostic> {
    read(expr.node()).map(|found| (found, expr.span())).ok_or_else(|| malformed(expr.span()))
}

/// `[docker.remote, host]`.
pub fn provider_refs(expr: &Expr, diagnostics: &mut Diagnostics) -> Vec<(ProviderRef, Span)> {
    let Expression::Array(items) = expr.node() else {
        diagnostics.push(malformed(expr.span()).detail("Write a list: [docker.remote]."));
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items.iter() {
        let span = expr.place(item.span());
        match read(item) {
            Some(reference) => found.push((reference, span)),
            None => diagnostics.push(malformed(span)),
        }
    }
    found
}

/// `{ docker = docker.remote }`: the name inside the called module, and the caller's.
pub fn provider_map(expr: &Expr, diagnostics: &mut Diagnostics) -> Vec<(ProviderRef, (ProviderRef, Span))> {
    let Expression::Object(entries) = expr.node() else {
        diagnostics.push(malformed(expr.span()).detail("Write an object: { docker = docker.remote }."));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in entries.iter() {
        let inner = match key {
            ObjectKey::Ident(name) => Some(ProviderRef { name: name.as_str().into(), alias: None }),
            ObjectKey::Expression(node) => read(node),
        };
        let span = expr.place(value.expr().span());
        match (inner, read(value.expr())) {
            (Some(inner), Some(outer)) => found.push((inner, (outer, span))),
            _ => diagnostics.push(malformed(span)),
        }
    }
    found
}

fn read(node: &Expression) -> Option<ProviderRef> {
    match node {
        Expression::Parenthesis(inner) => read(inner.inner()),
        Expression::Variable(name) => Some(ProviderRef { name: name.as_str().into(), alias: None }),
        Expression::Traversal(traversal) => {
            let Expression::Variable(name) = &traversal.expr else { return None };
            let [operator] = &traversal.operators[..] else { return None };
            let TraversalOperator::GetAttr(alias) = operator.value() else { return None };
            Some(ProviderRef { name: name.as_str().into(), alias: Some(alias.as_str().into()) })
        }
        _ => None,
    }
}

fn malformed(span: Span) -> Diagnostic {
    Diagnostic::error(1341, "this is not the name of a provider configuration")
        .at(span)
        .detail("Write the provider's name, or name and alias: docker, or docker.remote, without quotes.")
}
