use mprov_sdk::{Diagnostic, Diagnostics};
use mprov_state::StateError;

use crate::config::Sources;

/// Why a command could not do its work, with the texts that the places are in.
#[derive(Debug)]
pub struct Failure {
    pub diagnostics: Diagnostics,
    pub sources: Sources,
}

impl Failure {
    pub fn in_sources(diagnostics: Diagnostics, sources: &Sources) -> Self {
        Self { diagnostics, sources: sources.clone() }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, sources: Sources::default() }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Diagnostic::from(error).into()
    }
}
