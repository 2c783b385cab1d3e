//! Tables of expressions and what they evaluate to. The expected values of what Terraform has were
//! compared with Terraform 1.11.

mod bodies;
mod collections;
mod encoding;
mod errors;
mod expressions;
mod limits;
mod names;
mod numbers;
mod properties;
mod scopes;
mod sensitive;
mod templates;
mod text;
mod types;
mod unknowns;
mod world;

use mprov_sdk::{SourceId, Value};

use super::{evaluate, restore_heredocs};
use crate::config::Expr;
use world::World;

/// An expression as the loader would hand it over.
fn expr(text: &str) -> Expr {
    let mut node = hcl_edit::parser::parse_expr(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    restore_heredocs(&mut node, text);
    Expr::new(node, SourceId(0), 0)
}

/// The value in the words of the language, or the code of the first error.
fn result(text: &str) -> String {
    match evaluate(&expr(text), &World::default()) {
        Ok(value) => show(&value),
        Err(errors) => errors.iter().next().expect("an error").code.to_string(),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = result(text);
            (found != *expected).then(|| format!("{text}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn show(value: &Value) -> String {
    let items = |v: &[Value]| v.iter().map(show).collect::<Vec<_>>().join(", ");
    let entries = |o: &mprov_sdk::Object| {
        o.iter().map(|(k, v)| format!("{k} = {}", show(v))).collect::<Vec<_>>().join(", ")
    };
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => format!("{s:?}"),
        Value::List(v) => format!("list[{}]", items(v)),
        Value::Set(v) => format!("set[{}]", items(v)),
        Value::Tuple(v) => format!("[{}]", items(v)),
        Value::Map(o) => format!("map{{{}}}", entries(o)),
        Value::Object(o) => format!("{{{}}}", entries(o)),
        Value::Unknown(u) => format!("unknown({})", u.ty),
        Value::Sensitive(inner) => format!("sensitive({})", show(inner)),
    }
}
