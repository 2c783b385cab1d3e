use std::collections::BTreeMap;
use std::ops::Range;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::parser;
use hcl_edit::structure as hcl;
use mprov_sdk::{Diagnostics, Name, SourceId, Span};

use super::fault::Fault;
use super::split::{Item, split};
use super::syntax::syntax_fault;
use crate::config::eval::restore_heredocs;
use crate::config::expression::place;
use crate::config::{Argument, Body, Expr, NestedBlock};

/// A stack for what the parser's limit of 64 levels needs, whatever the calling thread has left.
const STACK: usize = 64 * 1024 * 1024;
/// Levels of blocks in which faults are looked for one by one.
const FAULT_LEVELS: usize = 4;

/// A top-level block, its meaning still unknown.
#[derive(Clone, Debug)]
pub struct Block {
    pub kind: Name,
    pub kind_span: Span,
    pub labels: Vec<(Name, Span)>,
    /// Its span is the block's header.
    pub body: Body,
}

/// What a text holds.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub blocks: Vec<Block>,
    /// Top-level arguments, in the order of the text.
    pub arguments: Vec<(Name, Argument)>,
    /// Nothing was left out because of a syntax error.
    pub complete: bool,
}

/// The items of a text. Each fault is one diagnostic; items with faults are left out.
pub fn parse(source: SourceId, text: &str, diagnostics: &mut Diagnostics) -> Parsed {
    stacker::grow(STACK, || parse_items(source, text, diagnostics))
}

/// The tree of a text that is one expression; none where it is not.
pub fn parse_expression(text: &str) -> Option<Expression> {
    stacker::grow(STACK, || parser::parse_expr(text).ok())
}

fn parse_items(source: SourceId, text: &str, diagnostics: &mut Diagnostics) -> Parsed {
    let mut faults = Vec::new();
    let items = split(text, 0..text.len(), &mut faults);
    let mut parsed = Parsed::default();
    let mut after_fault = false;
    for item in items.iter() {
        let piece = &text[item.place.clone()];
        // A brace on a line of its own belongs to the header before it, which was reported.
        let is_echo = after_fault && piece.starts_with('{');
        after_fault = item.broken;
        if item.broken || is_echo {
            continue;
        }
        let tree = Tree { source, offset: item.place.start, text: piece };
        match parser::parse_body(piece) {
            Ok(body) => tree.items(body, &mut parsed),
            Err(error) => {
                after_fault = true;
                item_faults(text, item, &error, FAULT_LEVELS, &mut faults);
            }
        }
    }
    parsed.complete = faults.is_empty();
    for fault in faults {
        diagnostics.push(fault.diagnostic(source));
    }
    parsed
}

/// The faults of an item that does not parse: those of the items inside of it, or, where each of
/// them is right for itself, the parser's.
fn item_faults(text: &str, item: &Item, error: &parser::Error, levels: usize, faults: &mut Vec<Fault>) {
    let known = faults.len();
    if levels > 0
        && let Some(inside) = block_inside(text, &item.place)
    {
        for inner in split(text, inside, faults).iter().filter(|i| !i.broken) {
            if let Err(error) = parser::parse_body(&text[inner.place.clone()]) {
                item_faults(text, inner, &error, levels - 1, faults);
            }
        }
    }
    if faults.len() == known {
        faults.push(syntax_fault(text, &item.place, error));
    }
}

/// What stands between the braces of a block; none for an argument.
fn block_inside(text: &str, item: &Range<usize>) -> Option<Range<usize>> {
    let piece = &text[item.clone()];
    let open = piece.find('{')?;
    let header = &piece[..open];
    if header.contains(['=', '\n', '#']) || !piece.ends_with('}') {
        return None;
    }
    Some(item.start + open + 1..item.end - 1)
}

/// The parsed tree of one item, and where the item stands.
struct Tree<'t> {
    source: SourceId,
    offset: usize,
    text: &'t str,
}

impl Tree<'_> {
    fn items(&self, body: hcl::Body, parsed: &mut Parsed) {
        for structure in body {
            match structure {
                hcl::Structure::Attribute(attribute) => parsed.arguments.push(self.argument(attribute)),
                hcl::Structure::Block(block) => parsed.blocks.push(Block {
                    kind: block.ident.as_str().into(),
                    kind_span: self.place(block.ident.span()),
                    labels: block.labels.iter().map(|l| (l.as_str().into(), self.place(l.span()))).collect(),
                    body: self.body(block.body, self.header(&block.ident, &block.labels)),
                }),
            }
        }
    }

    fn body(&self, body: hcl::Body, span: Span) -> Body {
        let mut arguments = BTreeMap::new();
        let mut blocks = Vec::new();
        for structure in body {
            match structure {
                hcl::Structure::Attribute(attribute) => {
                    let (name, argument) = self.argument(attribute);
                    arguments.insert(name, argument);
                }
                hcl::Structure::Block(block) => {
                    let span = self.header(&block.ident, &block.labels);
                    blocks.push(NestedBlock {
                        name: block.ident.as_str().into(),
                        labels: block.labels.iter().map(|l| l.as_str().into()).collect(),
                        body: self.body(block.body, span),
                        span,
                    });
                }
            }
        }
        Body { arguments, blocks, span }
    }

    fn argument(&self, attribute: hcl::Attribute) -> (Name, Argument) {
        let name_span = self.place(attribute.key.span());
        let name = attribute.key.as_str().into();
        let mut value = attribute.value;
        restore_heredocs(&mut value, self.text);
        (name, Argument { expr: Expr::new(value, self.source, self.offset as u32), name_span })
    }

    fn header(&self, ident: &hcl_edit::Decorated<hcl_edit::Ident>, labels: &[hcl::BlockLabel]) -> Span {
        let start = self.place(ident.span());
        match labels.last() {
            Some(label) => Span { end: self.place(label.span()).end, ..start },
            None => start,
        }
    }

    fn place(&self, part: Option<Range<usize>>) -> Span {
        place(self.source, self.offset as u32, part)
    }
}
