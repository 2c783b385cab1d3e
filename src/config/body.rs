use std::collections::BTreeMap;

use mprov_sdk::{Name, Span};

use super::Expr;

/// The arguments and blocks between braces, meta-arguments taken out. What they mean is the
/// schema's business.
#[derive(Clone, Debug)]
pub struct Body {
    pub arguments: BTreeMap<Name, Argument>,
    pub blocks: Vec<NestedBlock>,
    /// The header of the block it belongs to: where "missing argument" points.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Argument {
    pub expr: Expr,
    /// The place of the name.
    pub name_span: Span,
}

#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// `dynamic` blocks stay as written, with the generated block's name as their label.
    pub name: Name,
    pub labels: Vec<Name>,
    pub body: Body,
    pub span: Span,
}
