use mprov_sdk::{Diagnostic, Diagnostics, Mode, Schema};

use super::kinds::Kinds;
use super::tree::Tree;
use crate::config::eval::{did_you_mean, nearest, static_check_body};
use crate::config::{IgnoreChanges, Module, ResourceBlock};

/// Holds every block against its schema, as far as that needs no values.
pub fn check_bodies(tree: &Tree, kinds: &Kinds) -> Diagnostics {
    let mut found = Diagnostics::new();
    for id in tree.ids() {
        let module = tree.module(id);
        for block in module.resources.values() {
            match kinds.get(block.id.mode, &block.id.kind) {
                Some(kind) => {
                    found.extend(static_check_body(&block.body, &kind.schema));
                    found.extend(ignored_names(block, &kind.schema));
                }
                None => found.push(unknown_kind(block, kinds)),
            }
        }
        found.extend(provider_blocks(module, kinds));
    }
    found
}

fn provider_blocks(module: &Module, kinds: &Kinds) -> Diagnostics {
    let check = |(reference, block): (&crate::config::ProviderRef, &crate::config::ProviderBlock)| match kinds
        .provider(&reference.name)
    {
        Some(provider) => static_check_body(&block.body, &provider.schema().config),
        None => Diagnostic::error(1303, format!("there is no provider \"{}\"", reference.name))
            .at(block.span)
            .detail(all_providers(kinds))
            .into(),
    };
    module.providers.iter().flat_map(check).collect()
}

fn ignored_names(block: &ResourceBlock, schema: &Schema) -> Diagnostics {
    let IgnoreChanges::Only(names) = &block.lifecycle.ignore_changes else { return Diagnostics::new() };
    names
        .iter()
        .filter(|(name, _)| !schema.attributes.contains_key(name))
        .map(|(name, span)| {
            Diagnostic::error(1302, format!("{} has no attribute \"{name}\"", block.id.kind))
                .at(*span)
                .detail(did_you_mean(name, schema.attributes.keys().map(|n| &**n)))
        })
        .collect()
}

fn unknown_kind(block: &ResourceBlock, kinds: &Kinds) -> Diagnostic {
    let names = kinds.names(block.id.mode);
    let what = if block.id.mode == Mode::Managed { "resource" } else { "data source" };
    let detail = match nearest(&block.id.kind, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"?"),
        None => all_providers(kinds),
    };
    Diagnostic::error(1301, format!("there is no {what} type \"{}\"", block.id.kind))
        .at(block.span)
        .detail(detail)
}

fn all_providers(kinds: &Kinds) -> String {
    let names: Vec<&str> = kinds.provider_names().collect();
    format!("The providers of this version are: {}.", names.join(", "))
}
