use std::ops::Range;

use super::fault::Fault;
use super::lexer::{FAULT_LIMIT, Lexer, Stop};

/// Items that one file may have.
pub const ITEM_LIMIT: usize = 100_000;

/// One top-level item of a text, a block or an argument: its bytes, without the line's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub place: Range<usize>,
    /// A fault was found in it already: parsing it would only repeat that.
    pub broken: bool,
}

/// Cuts a region of a text into its items.
///
/// The parser gives up at the first fault, often far from its cause. With items cut here, each is
/// parsed alone: a fault in one says nothing about the next.
pub fn split(text: &str, region: Range<usize>, faults: &mut Vec<Fault>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut lexer = Lexer::new(text, region.end);
    let mut at = region.start;
    loop {
        at = lexer.skip_blank(at, faults);
        if at >= region.end {
            return items;
        }
        if items.len() == ITEM_LIMIT {
            faults.push(
                Fault::new(1009, at..at + 1, format!("there are more than {ITEM_LIMIT} items in one file"))
                    .detail("Use count or for_each for what repeats, or several files."),
            );
            return items;
        }
        let known = faults.len();
        let end = item_end(&mut lexer, at, faults);
        items.push(Item { place: at..trim_end(text, at, end), broken: faults.len() > known });
        if faults.len() >= FAULT_LIMIT {
            return items;
        }
        at = end;
    }
}

/// The end of the item that starts there. Where brackets stay open until the end of the file, a
/// line that looks like the header of a block ends the item: the missing bracket is before it.
fn item_end(lexer: &mut Lexer<'_>, start: usize, faults: &mut Vec<Fault>) -> usize {
    let known = faults.len();
    match lexer.item(start, Stop::AtItemEnd, faults) {
        Ok(end) => end,
        Err(()) => {
            faults.truncate(known);
            lexer.item(start, Stop::AtHeader, faults).unwrap_or(lexer.end())
        }
    }
}

fn trim_end(text: &str, start: usize, end: usize) -> usize {
    start + text[start..end].trim_end_matches(['\r', '\n', ' ', '\t']).len()
}
