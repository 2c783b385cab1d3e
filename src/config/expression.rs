use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use mprov_sdk::{SourceId, Span};

/// An expression of a loaded file: the parsed tree, and where it stands.
#[derive(Clone, Debug)]
pub struct Expr {
    node: Arc<Expression>,
    source: SourceId,
    /// What to add to the tree's own spans, since each top-level item is parsed by itself.
    offset: u32,
}

impl Expr {
    pub fn new(node: impl Into<Arc<Expression>>, source: SourceId, offset: u32) -> Self {
        Self { node: node.into(), source, offset }
    }

    pub fn node(&self) -> &Expression {
        &self.node
    }

    pub fn source(&self) -> SourceId {
        self.source
    }

    pub fn span(&self) -> Span {
        self.place(self.node.span())
    }

    /// The place of a part of the tree, given the part's own span.
    pub fn place(&self, part: Option<Range<usize>>) -> Span {
        place(self.source, self.offset, part.or_else(|| self.node.span()))
    }
}

/// A span of the tree as a span of the file.
pub fn place(source: SourceId, offset: u32, part: Option<Range<usize>>) -> Span {
    let part = part.unwrap_or(0..0);
    Span { source, start: offset + part.start as u32, end: offset + part.end as u32 }
}
