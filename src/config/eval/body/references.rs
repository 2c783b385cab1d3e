use mprov_sdk::Diagnostics;

use super::dynamic::{is_dynamic, parse};
use crate::config::eval::references::{Found, collect};
use crate::config::{Body, Reference};

/// What a body refers to, in nested and dynamic blocks too. Iterators are not references.
pub fn body_references(body: &Body) -> (Vec<Reference>, Diagnostics) {
    let mut found = Found::default();
    walk(body, &mut Vec::new(), &mut found);
    (found.references, found.diagnostics)
}

fn walk(body: &Body, bound: &mut Vec<String>, found: &mut Found) {
    for argument in body.arguments.values() {
        collect(&argument.expr, bound, found);
    }
    for block in &body.blocks {
        if !is_dynamic(block) {
            walk(&block.body, bound, found);
            continue;
        }
        // A malformed dynamic block is reported by the check against the schema.
        let Ok(dynamic) = parse(block) else { continue };
        collect(dynamic.for_each, bound, found);
        bound.push(dynamic.iterator.to_owned());
        walk(dynamic.content, bound, found);
        bound.pop();
    }
}
