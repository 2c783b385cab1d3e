use hcl_edit::expr::Expression;
use mprov_sdk::{Address, Diagnostic, Diagnostics, ModulePath};

use super::fields::Fields;
use super::name::labels;
use crate::config::load::parse::Block;
use crate::config::{Expr, Module, Moved, MovedEnd};

/// `text` is the file that the block stands in.
pub fn moved(block: Block, text: &str, module: &mut Module, diagnostics: &mut Diagnostics) {
    if labels(&block, [], diagnostics).is_none() {
        return;
    }
    let span = block.body.span;
    let mut fields = Fields::new("a moved block", block.body, diagnostics);
    let from = fields.required("from");
    let to = fields.required("to");
    fields.finish();
    let (Some(from), Some(to)) = (from, to) else { return };
    let (Some(from_end), Some(to_end)) = (end(&from, text, diagnostics), end(&to, text, diagnostics)) else {
        return;
    };
    match (&from_end, &to_end) {
        (MovedEnd::Resource(a), MovedEnd::Resource(b)) if a.resource.kind == b.resource.kind => {}
        (MovedEnd::Module(_), MovedEnd::Module(_)) => {}
        (MovedEnd::Resource(a), MovedEnd::Resource(b)) => {
            diagnostics.push(
                Diagnostic::error(1346, format!("a {} cannot become a {}", a.resource.kind, b.resource.kind))
                    .at(to.span())
                    .label(from.span(), "moved from here")
                    .detail("Both sides of a move have the same type."),
            );
            return;
        }
        _ => {
            diagnostics.push(
                Diagnostic::error(1346, "a resource cannot become a module, nor a module a resource")
                    .at(to.span())
                    .label(from.span(), "moved from here"),
            );
            return;
        }
    }
    if from_end == to_end {
        diagnostics.push(Diagnostic::error(1346, "both sides of this move are the same").at(to.span()));
        return;
    }
    module.moved.push(Moved { from: from_end, to: to_end, span });
}

/// The text is an address as it is; evaluating it would need what no longer exists.
fn end(expr: &Expr, text: &str, diagnostics: &mut Diagnostics) -> Option<MovedEnd> {
    let span = expr.span();
    let written = match expr.node() {
        Expression::Traversal(_) => text.get(span.start as usize..span.end as usize).unwrap_or_default(),
        _ => "",
    };
    let resource = written.parse::<Address>();
    if let Ok(address) = &resource
        && address.is_data()
    {
        diagnostics.push(
            Diagnostic::error(1346, "data sources cannot be moved")
                .at(span)
                .detail("Nothing of them is kept between applies: rename the block alone."),
        );
        return None;
    }
    if let Ok(address) = resource {
        return Some(MovedEnd::Resource(address));
    }
    match written.parse::<ModulePath>() {
        Ok(path) if !path.is_root() => Some(MovedEnd::Module(path)),
        _ => {
            diagnostics.push(
                Diagnostic::error(1345, "this is not the address of a resource or module").at(span).detail(
                    "Write it as it appears in a plan: docker_container.web, \
                        docker_container.web[\"a\"] or module.site.",
                ),
            );
            None
        }
    }
}
