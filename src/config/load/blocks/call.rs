use std::collections::BTreeMap;

use mprov_sdk::{Diagnostic, Diagnostics, Name, Span};

use super::fields::Fields;
use super::name::labels;
use super::provider_ref::provider_map;
use super::repeat::{depends_on, repeat};
use super::rollout::rollout;
use crate::config::load::parse::Block;
use crate::config::{Expr, ProviderRef, Reference, Repeat, RolloutBlock};

/// A `module` block whose module is not loaded yet.
#[derive(Clone, Debug)]
pub struct PendingCall {
    pub name: Name,
    pub source: String,
    pub source_span: Span,
    pub arguments: BTreeMap<Name, Expr>,
    pub repeat: Repeat,
    pub depends_on: Vec<Reference>,
    pub providers: BTreeMap<ProviderRef, (ProviderRef, Span)>,
    pub rollout: Option<RolloutBlock>,
    pub span: Span,
}

pub fn call(block: Block, diagnostics: &mut Diagnostics) -> Option<PendingCall> {
    let [(name, _)] = labels(&block, ["name"], diagnostics)?;
    let span = block.body.span;
    let mut fields = Fields::new("a module call", block.body, diagnostics);
    let source = fields.argument("source");
    if source.is_none() {
        fields
            .diagnostics
            .push(Diagnostic::error(1014, "a module call needs the argument \"source\"").at(span).detail(
            "It is a folder, source = \"./site\", or one of mprov's own, source = \"mprov:moodle/small\".",
        ));
    }
    let source = source.and_then(|argument| source_text(&argument.expr, &mut fields));
    if let Some(argument) = fields.argument("version") {
        fields.diagnostics.push(
            Diagnostic::error(1441, "modules of a folder and built-in modules have no version")
                .at(argument.name_span)
                .detail(
                    "Remove the argument: a folder is as it is, built-in modules are those of this mprov.",
                ),
        );
    }
    let repeat = repeat(&mut fields);
    let depends_on = depends_on(&mut fields);
    let providers = match fields.expr("providers") {
        Some(expr) => provider_map(&expr, fields.diagnostics),
        None => Vec::new(),
    };
    let rollout = fields.block("rollout").and_then(|block| rollout(block, &repeat, fields.diagnostics));
    let rest = fields.rest();
    for inner in &rest.blocks {
        diagnostics.push(
            Diagnostic::error(1013, format!("a module call has no block \"{}\"", inner.name))
                .at(inner.span)
                .detail("Variables of a module are given as arguments, name = value."),
        );
    }
    let (source, source_span) = source?;
    let arguments = rest.arguments.into_iter().map(|(name, argument)| (name, argument.expr)).collect();
    let providers = providers.into_iter().collect();
    Some(PendingCall { name, source, source_span, arguments, repeat, depends_on, providers, rollout, span })
}

/// The source decides what is read, before there are values: it has to be written out.
fn source_text(expr: &Expr, fields: &mut Fields<'_>) -> Option<(String, Span)> {
    match expr.node().as_str() {
        Some(text) => Some((text.to_owned(), expr.span())),
        None => {
            fields.diagnostics.push(
                Diagnostic::error(1019, "\"source\" has to be a string, written out").at(expr.span()).detail(
                    "The module is read before there are any values. For variants of a module \
                        use several calls with count.",
                ),
            );
            None
        }
    }
}
