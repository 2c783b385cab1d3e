use std::ops::Range;

use mprov_sdk::Span;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::config::{SourceFile, Sources};

/// A span that was looked up: it lies within its file, within one line, and between characters,
/// whatever the span said.
pub struct Excerpt<'s> {
    pub file: &'s SourceFile,
    /// From the first byte of the span to its last one on the same line.
    pub bytes: Range<usize>,
    /// The whole line, without its end.
    pub line: Range<usize>,
    /// Counted from 1.
    pub line_number: usize,
}

/// A place as editors count it.
pub struct Position {
    pub line: usize,
    /// In characters as people count them (grapheme clusters), from 1.
    pub column: usize,
    /// From the start of the file.
    pub byte: usize,
}

impl<'s> Excerpt<'s> {
    /// None where the sources do not have the file.
    pub fn find(sources: &'s Sources, span: Span) -> Option<Self> {
        let (_, file) = sources.iter().nth(span.source.0 as usize)?;
        let text = &*file.text;
        let start = text.floor_char_boundary((span.start as usize).min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |n| n + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        let line_end = line_start + text[line_start..line_end].trim_end_matches('\r').len();
        let start = start.min(line_end);
        let end = text.floor_char_boundary((span.end as usize).min(line_end)).max(start);
        let line_number = text.as_bytes()[..line_start].iter().filter(|b| **b == b'\n').count() + 1;
        Some(Self { file, bytes: start..end, line: line_start..line_end, line_number })
    }

    pub fn start(&self) -> Position {
        self.position(self.bytes.start)
    }

    pub fn end(&self) -> Position {
        self.position(self.bytes.end)
    }

    pub fn name(&self) -> String {
        self.file.name.display().to_string()
    }

    fn position(&self, byte: usize) -> Position {
        let before = &self.file.text[self.line.start..byte];
        Position { line: self.line_number, column: before.graphemes(true).count() + 1, byte }
    }
}
