use mprov_sdk::{Diagnostic, Diagnostics, Mode, Name, Span};

use super::fields::Fields;
use super::lifecycle::lifecycle;
use super::name::{duplicate, labels};
use super::provider_ref::provider_ref;
use super::repeat::{depends_on, repeat};
use crate::config::load::parse::Block;
use crate::config::{Module, ResourceBlock, ResourceId};

/// First words of references: a resource type of that name could not be referred to.
const KEYWORDS: [&str; 11] =
    ["var", "local", "data", "module", "each", "count", "path", "self", "mprov", "resource", "terraform"];

/// A resource or data block.
pub fn resource(block: Block, mode: Mode, module: &mut Module, diagnostics: &mut Diagnostics) {
    let Some([(kind, kind_span), (name, _)]) = labels(&block, ["type", "name"], diagnostics) else { return };
    if KEYWORDS.contains(&&*kind) {
        diagnostics.push(reserved(&kind, kind_span));
        return;
    }
    let span = block.body.span;
    let id = ResourceId { mode, kind, name };
    let mut fields = Fields::new(what(mode), block.body, diagnostics);
    let repeat = repeat(&mut fields);
    let depends_on = depends_on(&mut fields);
    let provider = fields.expr("provider").and_then(|expr| match provider_ref(&expr) {
        Ok(found) => Some(found),
        Err(error) => {
            fields.diagnostics.push(error);
            None
        }
    });
    let lifecycle = match fields.block("lifecycle") {
        Some(block) => lifecycle(block, mode, fields.diagnostics),
        None => Default::default(),
    };
    reject_provisioners(&mut fields);
    let body = fields.rest();

    if let Some(first) = module.resources.get(&id) {
        diagnostics.push(duplicate(&id.to_string(), span, first.span));
        return;
    }
    module
        .resources
        .insert(id.clone(), ResourceBlock { id, body, repeat, depends_on, provider, lifecycle, span });
}

fn what(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "a resource",
        Mode::Data => "a data source",
    }
}

fn reserved(kind: &Name, span: Span) -> Diagnostic {
    Diagnostic::error(1018, format!("\"{kind}\" is no resource type")).at(span).detail(
        "References begin with this word, so no type is called so. A type begins with its \
            provider's name, as docker_container does.",
    )
}

/// What a provisioner does appears in no plan and is not undone: there is a resource for it.
fn reject_provisioners(fields: &mut Fields<'_>) {
    for name in ["provisioner", "connection"] {
        for block in fields.blocks(name) {
            fields.diagnostics.push(
                Diagnostic::error(1343, format!("there are no {name} blocks in mprov"))
                    .at(block.span)
                    .detail(
                        "Use a host_command resource: its commands to create, read and delete are \
                        planned, recorded and undone like everything else.",
                    ),
            );
        }
    }
}
