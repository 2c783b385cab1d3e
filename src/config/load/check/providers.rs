use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Diagnostic, Diagnostics, Name, Span};

use super::Checked;
use crate::config::{Module, ProviderRef};

/// Provider configurations that a module and the modules it calls use but do not have. A module
/// takes what its caller passes on with `providers`, else what the caller has under that name.
pub fn wanted(module: &Module, children: &BTreeMap<Name, Arc<Checked>>) -> BTreeMap<ProviderRef, Span> {
    let mut wanted = BTreeMap::new();
    let mut want = |reference: &ProviderRef, span: Span| {
        if !module.providers.contains_key(reference) {
            wanted.entry(reference.clone()).or_insert(span);
        }
    };
    for (reference, span) in module.resources.values().filter_map(|r| r.provider.as_ref()) {
        want(reference, *span);
    }
    for (reference, span) in module.providers.values().flat_map(|p| &p.uses) {
        want(reference, *span);
    }
    for (name, call) in &module.calls {
        call.providers.values().for_each(|(reference, span)| want(reference, *span));
        let Some(child) = children.get(name) else { continue };
        for (reference, span) in &child.wanted {
            match call.providers.get(reference) {
                Some((passed, at)) => want(passed, *at),
                None => want(reference, *span),
            }
        }
    }
    wanted
}

/// What the root module leaves open, nobody can pass. A default configuration needs no block.
pub fn check_root(root: &Checked, diagnostics: &mut Diagnostics) {
    for (reference, span) in &root.wanted {
        let Some(alias) = &reference.alias else { continue };
        let name = &reference.name;
        diagnostics.push(
            Diagnostic::error(1113, format!("there is no provider configuration \"{reference}\""))
                .at(*span)
                .detail(format!(
                    "Declare it: provider \"{name}\" {{ alias = \"{alias}\" }}. In a called \
                    module it can also come from the call: providers = {{ {reference} = ... }}."
                )),
        );
    }
}
