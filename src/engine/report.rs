use std::time::Duration;

use mprov_sdk::{Diagnostic, Diagnostics};

use crate::plan::Action;

/// Why a run ended before its plan did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Running steps were finished; the rest was not begun.
    Stopped,
    /// Steps were running when it was given up; the journal holds them as doubts.
    Abandoned,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Report {
    pub added: usize,
    pub changed: usize,
    pub destroyed: usize,
    /// Steps that were never begun.
    pub skipped: usize,
    /// Steps that were taken back, because another one of their scope failed.
    pub undone: usize,
    pub failures: Diagnostics,
    pub interruption: Option<Interruption>,
    /// Everything in the scope of the failure was taken back.
    pub restored: bool,
    /// How long users could not write; none where they were not kept out.
    pub read_only: Option<Duration>,
    /// Users were switched to another generation.
    pub switched: bool,
}

impl Report {
    pub fn count(&mut self, action: Action) {
        match action {
            Action::Create => self.added += 1,
            Action::Update => self.changed += 1,
            Action::Delete => self.destroyed += 1,
            Action::Read => {}
        }
    }

    pub fn fail(&mut self, diagnostic: Diagnostic) {
        self.failures.push(diagnostic);
    }

    pub fn is_success(&self) -> bool {
        !self.failures.has_errors() && self.interruption.is_none()
    }
}
