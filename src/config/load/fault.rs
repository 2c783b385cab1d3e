use std::ops::Range;

use mprov_sdk::{Diagnostic, SourceId};

use crate::config::expression::place;

/// A fault of a text, before the text is known as a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: u16,
    pub place: Range<usize>,
    pub summary: String,
    pub detail: String,
    pub here: String,
    pub label: Option<(Range<usize>, String)>,
}

impl Fault {
    pub fn new(code: u16, place: Range<usize>, summary: impl Into<String>) -> Self {
        Self { code, place, summary: summary.into(), detail: String::new(), here: String::new(), label: None }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub fn here(mut self, here: impl Into<String>) -> Self {
        self.here = here.into();
        self
    }

    pub fn label(mut self, place: Range<usize>, text: impl Into<String>) -> Self {
        self.label = Some((place, text.into()));
        self
    }

    pub fn diagnostic(self, source: SourceId) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.summary)
            .at(place(source, 0, Some(self.place)))
            .detail(self.detail)
            .here(self.here);
        if let Some((at, text)) = self.label {
            diagnostic = diagnostic.label(place(source, 0, Some(at)), text);
        }
        diagnostic
    }
}
