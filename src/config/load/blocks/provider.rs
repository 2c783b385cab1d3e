use mprov_sdk::{Diagnostic, Diagnostics};

use super::fields::Fields;
use super::name::{duplicate, is_name, labels};
use super::provider_ref::provider_refs;
use crate::config::load::parse::Block;
use crate::config::{Module, ProviderBlock, ProviderRef};

pub fn provider(block: Block, module: &mut Module, diagnostics: &mut Diagnostics) {
    let Some([(name, _)]) = labels(&block, ["name"], diagnostics) else { return };
    let span = block.body.span;
    let mut fields = Fields::new("a provider", block.body, diagnostics);
    let alias = fields.text("alias");
    if let Some((alias, at)) = alias.as_ref().filter(|(alias, _)| !is_name(alias)) {
        fields
            .diagnostics
            .push(Diagnostic::error(1018, format!("\"{alias}\" is not a name")).at(*at).detail(
            "An alias begins with a letter or underscore; letters, digits, underscores and dashes follow.",
        ));
    }
    let uses = match fields.expr("uses") {
        Some(expr) => provider_refs(&expr, fields.diagnostics),
        None => Vec::new(),
    };
    let body = fields.rest();

    let reference = ProviderRef { name, alias: alias.map(|(alias, _)| alias.into()) };
    if let Some(first) = module.providers.get(&reference) {
        let advice = "Give one of the two an alias, and name it in the provider argument of the \
            resources that use it.";
        diagnostics.push(duplicate(&format!("provider \"{reference}\""), span, first.span).detail(advice));
        return;
    }
    module.providers.insert(reference, ProviderBlock { body, uses, span });
}
