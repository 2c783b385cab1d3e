use hcl_edit::expr::Expression;
use mprov_sdk::{Diagnostic, Diagnostics};

use crate::config::eval::suggest::did_you_mean;
use crate::config::{Body, Expr, NestedBlock};

/// The parts of a `dynamic` block.
pub struct Dynamic<'b> {
    /// The name of the blocks that it makes.
    pub generates: &'b str,
    pub for_each: &'b Expr,
    /// What the element is called inside; the block's name unless it says otherwise.
    pub iterator: &'b str,
    pub content: &'b Body,
}

const ARGUMENTS: [&str; 3] = ["for_each", "iterator", "labels"];

/// The name of the blocks that this block is or makes.
pub fn generated_name(block: &NestedBlock) -> &str {
    match &*block.name {
        "dynamic" => block.labels.first().map_or("dynamic", |label| label),
        name => name,
    }
}

pub fn is_dynamic(block: &NestedBlock) -> bool {
    &*block.name == "dynamic"
}

/// Takes a `dynamic` block apart; all mistakes in its own shape at once.
pub fn parse(block: &NestedBlock) -> Result<Dynamic<'_>, Diagnostics> {
    let mut errors = Diagnostics::new();
    let mut wrong = |span, summary: &str, detail: String| {
        errors.push(Diagnostic::error(1308, summary).at(span).detail(detail));
    };
    let generates = match block.labels.as_slice() {
        [name] => &**name,
        _ => {
            let advice = "Write dynamic \"name\" { for_each = …, content { … } }.".to_owned();
            wrong(block.span, "a dynamic block has one label, the name of the blocks that it makes", advice);
            ""
        }
    };
    for (name, argument) in &block.body.arguments {
        if !ARGUMENTS.contains(&&**name) {
            let summary = format!("a dynamic block has no argument \"{name}\"");
            let advice = match did_you_mean(name, ARGUMENTS) {
                near if near.is_empty() => {
                    "What belongs to the made blocks stands in content { … }.".to_owned()
                }
                near => near,
            };
            wrong(argument.name_span, &summary, advice);
        }
    }
    if let Some(labels) = block.body.arguments.get("labels") {
        wrong(
            labels.name_span,
            "blocks here have no labels",
            "Leave the argument \"labels\" out.".to_owned(),
        );
    }
    let for_each = block.body.arguments.get("for_each").map(|a| &a.expr);
    if for_each.is_none() {
        wrong(block.span, "a dynamic block needs the argument \"for_each\"", String::new());
    }
    let iterator = match block.body.arguments.get("iterator").map(|a| (&a.expr, a.expr.node())) {
        None => generates,
        Some((_, Expression::Variable(name))) => name.value().as_str(),
        Some((expr, _)) => {
            wrong(expr.span(), "the iterator is a plain name", "Write iterator = port.".to_owned());
            ""
        }
    };
    let mut content = None;
    for inner in &block.body.blocks {
        if &*inner.name != "content" {
            let advice = "Only content { … } stands in a dynamic block; other blocks belong into it.";
            wrong(inner.span, &format!("a dynamic block has no block \"{}\"", inner.name), advice.to_owned());
        } else if content.replace(&inner.body).is_some() {
            wrong(inner.span, "a dynamic block has one content block", String::new());
        }
    }
    if content.is_none() {
        wrong(block.span, "a dynamic block needs a block \"content\"", String::new());
    }
    match (for_each, content) {
        (Some(for_each), Some(content)) if errors.is_empty() => {
            Ok(Dynamic { generates, for_each, iterator, content })
        }
        _ => Err(errors),
    }
}
