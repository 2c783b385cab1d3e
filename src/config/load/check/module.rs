use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Diagnostics, Name, Span};

use super::{moved, providers, references};
use crate::config::{Module, ProviderRef};

/// What callers have to know about a module that was checked.
#[derive(Debug, Default)]
pub struct Checked {
    /// Nothing of it was left out: what it does not declare, it does not have.
    pub complete: bool,
    /// Provider configurations that have to come from the caller, and a place where each is used.
    pub wanted: BTreeMap<ProviderRef, Span>,
}

/// Checks a module by itself. `children` are the modules that it calls. Of a module that is not
/// complete nothing is said: the fault was reported already, more would be echoes of it.
pub fn check_module(
    module: &Module,
    children: &BTreeMap<Name, Arc<Checked>>,
    incomplete: bool,
    diagnostics: &mut Diagnostics,
) -> Checked {
    if incomplete {
        return Checked::default();
    }
    references::check(module, children, diagnostics);
    moved::check(module, diagnostics);
    Checked { complete: true, wanted: providers::wanted(module, children) }
}
