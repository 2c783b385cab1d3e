use std::ops::Range;

use super::fault::Fault;
use super::header::is_header;
use super::heredoc::Heredoc;

/// Faults of one text after which the rest of it is not looked at.
pub const FAULT_LIMIT: usize = 50;

/// When an item ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At the end of a line outside of all brackets.
    AtItemEnd,
    /// There, or before a line that begins like a top-level block.
    AtHeader,
}

/// Comparisons of keys that the objects of one text may cost. The parser compares each key of an
/// object with all before it, so an object of 10,000 entries costs half of this.
const KEY_COMPARISONS: usize = 200_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Any bracket but the one of an object.
    Bracket,
    Object,
    Quote,
    /// `${` or `%{` inside of a quoted string.
    Template,
}

/// What is open at a place of the text.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    /// Where it was opened.
    at: usize,
    /// Ends of lines and commas directly inside of it.
    entries: usize,
}

/// Finds the ends of items: knows strings, templates, heredocs, comments and brackets, nothing else.
pub struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    end: usize,
    open: Vec<Open>,
    /// An opening bracket whose line is indented deeper than that of the bracket that closes it:
    /// when brackets do not add up, it is probably the one that was not closed.
    suspect: Option<(usize, usize)>,
    line_start: usize,
    comparisons: usize,
}

impl<'t> Lexer<'t> {
    /// Of the text until that place.
    pub fn new(text: &'t str, end: usize) -> Self {
        Self {
            text,
            bytes: &text.as_bytes()[..end],
            end,
            open: Vec::new(),
            suspect: None,
            line_start: 0,
            comparisons: 0,
        }
    }

    pub fn end(&self) -> usize {
        self.end
    }

    /// The next place that is neither white space nor comment.
    pub fn skip_blank(&self, mut at: usize, faults: &mut Vec<Fault>) -> usize {
        while let Some(byte) = self.bytes.get(at) {
            at = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at + 1,
                b'#' => self.line_end(at),
                b'/' if self.bytes.get(at + 1) == Some(&b'/') => self.line_end(at),
                b'/' if self.bytes.get(at + 1) == Some(&b'*') => self.comment(at, faults),
                _ => return at,
            };
        }
        self.end
    }

    /// The end of the item that starts there: the place of its line's end.
    ///
    /// # Errors
    /// With `Stop::AtItemEnd`, when brackets are open at the end of the text.
    pub fn item(&mut self, start: usize, stop: Stop, faults: &mut Vec<Fault>) -> Result<usize, ()> {
        self.open.clear();
        self.suspect = None;
        let comparisons = self.comparisons;
        self.line_start = self.bytes[..start].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        let mut at = start;
        loop {
            let Some(&byte) = self.bytes.get(at) else {
                match self.open.iter().any(|o| o.kind == Kind::Quote) {
                    true if faults.len() < FAULT_LIMIT => at = self.unclosed_string(faults),
                    true => return Ok(self.end),
                    false if self.open.is_empty() => return Ok(self.end),
                    false if stop == Stop::AtItemEnd => {
                        self.comparisons = comparisons;
                        return Err(());
                    }
                    false => {
                        self.unclosed_bracket(None, faults);
                        return Ok(self.end);
                    }
                }
                continue;
            };
            let top = self.open.last().map(|o| o.kind);
            if byte == b'\n' {
                if faults.len() >= FAULT_LIMIT {
                    return Ok(self.end);
                }
                if top == Some(Kind::Quote) {
                    at = self.unclosed_string(faults);
                    continue;
                }
                match self.open.last_mut() {
                    Some(open) => open.entries += 1,
                    None => return Ok(at),
                }
                at += 1;
                self.line_start = at;
                if stop == Stop::AtHeader && is_header(&self.text[at..self.end]) {
                    self.unclosed_bracket(Some(at), faults);
                    return Ok(at - 1);
                }
                continue;
            }
            at = match top {
                Some(Kind::Quote) => self.in_string(at, byte),
                _ => self.in_code(at, byte, faults),
            };
        }
    }

    fn in_string(&mut self, at: usize, byte: u8) -> usize {
        match byte {
            b'"' => {
                self.open.pop();
                at + 1
            }
            b'\\' if self.bytes.get(at + 1).is_some_and(|b| *b != b'\n') => at + 2,
            b'$' | b'%' if self.bytes.get(at + 1) == Some(&byte) && self.bytes.get(at + 2) == Some(&b'{') => {
                at + 3
            }
            b'$' | b'%' if self.bytes.get(at + 1) == Some(&b'{') => {
                self.push(Kind::Template, at);
                at + 2
            }
            _ => at + 1,
        }
    }

    fn in_code(&mut self, at: usize, byte: u8, faults: &mut Vec<Fault>) -> usize {
        let next = self.bytes.get(at + 1);
        match byte {
            b'#' => self.line_end(at),
            b'/' if next == Some(&b'/') => self.line_end(at),
            b'/' if next == Some(&b'*') => self.comment(at, faults),
            b'<' if next == Some(&b'<') => self.heredoc(at, faults),
            b'"' => {
                self.push(Kind::Quote, at);
                at + 1
            }
            b'{' if self.begins_object(at) => {
                self.push(Kind::Object, at);
                at + 1
            }
            b'{' | b'[' | b'(' => {
                self.push(Kind::Bracket, at);
                at + 1
            }
            b',' => {
                if let Some(open) = self.open.last_mut() {
                    open.entries += 1;
                }
                at + 1
            }
            b'}' | b']' | b')' => {
                self.close(at, byte, faults);
                at + 1
            }
            _ => at + 1,
        }
    }

    fn close(&mut self, at: usize, byte: u8, faults: &mut Vec<Fault>) {
        let closes = |open: &Open| match open.kind {
            Kind::Bracket | Kind::Object => closing(self.bytes[open.at]) == byte,
            Kind::Template => byte == b'}',
            Kind::Quote => false,
        };
        if let Some(top) = self.open.pop_if(|o| closes(o)) {
            match top.kind {
                Kind::Object => {
                    self.compare_indentation(top.at, at);
                    self.count_comparisons(&top, faults);
                }
                Kind::Bracket => self.compare_indentation(top.at, at),
                Kind::Template | Kind::Quote => {}
            }
            return;
        }
        // Only brackets of the same template can be what was left open.
        let limit = self.open.iter().rposition(|o| o.kind == Kind::Quote).map_or(0, |n| n + 1);
        let sign = byte as char;
        match self.open[limit..].iter().rposition(closes) {
            Some(found) => {
                let unclosed = self.open[limit + found + 1..].last().expect("it is not the last one").at;
                let opening = self.bytes[unclosed] as char;
                faults.push(
                    Fault::new(1005, unclosed..unclosed + 1, format!("this \"{opening}\" is never closed"))
                        .here("opened here")
                        .label(at..at + 1, format!("the \"{sign}\" here closes something further out")),
                );
                self.open.truncate(limit + found);
            }
            None => faults.push(
                Fault::new(1005, at..at + 1, format!("this \"{sign}\" closes nothing"))
                    .detail("Remove it, or open the bracket that it is meant to close."),
            ),
        }
    }

    /// Whether the brace there belongs to an expression, not to a block.
    fn begins_object(&self, at: usize) -> bool {
        let before = self.bytes[self.line_start..at].iter().rfind(|b| !matches!(b, b' ' | b'\t'));
        before.is_none_or(|b| matches!(b, b'=' | b'(' | b'[' | b',' | b':' | b'?' | b'{' | b'>'))
    }

    fn count_comparisons(&mut self, object: &Open, faults: &mut Vec<Fault>) {
        self.comparisons += object.entries * object.entries;
        if self.comparisons > KEY_COMPARISONS {
            self.comparisons = 0;
            faults.push(
                Fault::new(
                    1009,
                    object.at..object.at + 1,
                    "the objects written out in this file are too large",
                )
                .here(format!("this one has about {} entries", object.entries))
                .detail(
                    "Keep large tables in files of their own and read them with \
                        jsondecode(file(...)) or csvdecode(file(...)).",
                ),
            );
        }
    }

    fn compare_indentation(&mut self, from: usize, to: usize) {
        let alone = self.bytes[self.line_start..to].iter().all(|b| matches!(b, b' ' | b'\t'));
        if self.suspect.is_some() || !alone || from >= self.line_start {
            return;
        }
        if self.indentation(from) > to - self.line_start {
            self.suspect = Some((from, to));
        }
    }

    /// Bytes of white space in front of the line of that place.
    fn indentation(&self, at: usize) -> usize {
        let start = self.bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        self.bytes[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
    }

    /// The header, where one follows, tells that something should have been closed before it.
    fn unclosed_bracket(&mut self, header: Option<usize>, faults: &mut Vec<Fault>) {
        let (unclosed, label) = match (self.suspect, self.open.last()) {
            (Some((from, to)), _) => (from, Some((to..to + 1, "this closes what is further out".to_owned()))),
            (None, Some(open)) => {
                (open.at, header.map(|at| (self.line(at), "the next block begins here".to_owned())))
            }
            (None, None) => return,
        };
        let sign = self.bytes[unclosed] as char;
        let mut fault = Fault::new(1005, unclosed..unclosed + 1, format!("this \"{sign}\" is never closed"))
            .here("opened here")
            .detail(format!("Add the \"{}\" that belongs to it.", closing(self.bytes[unclosed]) as char));
        fault.label = label;
        faults.push(fault);
        self.open.clear();
    }

    /// Reports a string that is open at the end of a line or of the text, and gives the place to go
    /// on: the end of the line on which the string begins.
    fn unclosed_string(&mut self, faults: &mut Vec<Fault>) -> usize {
        let quotes = || self.open.iter().enumerate().filter(|(_, o)| o.kind == Kind::Quote);
        let of_this_line = quotes().find(|(_, o)| o.at >= self.line_start);
        let top_is_quote = self.open.last().is_some_and(|o| o.kind == Kind::Quote);
        let found = match (of_this_line, top_is_quote) {
            (Some(found), _) => Some(found),
            (None, true) => quotes().next_back(),
            (None, false) => quotes().next(),
        };
        let (found, quote) = found.map(|(n, o)| (n, o.at)).expect("a string is open");
        let template = self.open[found + 1..].iter().find(|o| o.kind == Kind::Template).map(|o| o.at);
        faults.push(match template {
            Some(from) => {
                Fault::new(1004, from..from + 2, "this template is never closed").here("opened here").detail(
                    "A \"}\" has to follow before the string ends. To write the characters \
                    themselves, double the first: $${ or %%{.",
                )
            }
            None => Fault::new(1004, quote..self.line_end(quote), "this string is never closed")
                .here("opened here")
                .detail(
                    "Add the closing quote. A string of several lines is a heredoc: <<-EOT, the \
                    lines, and EOT on a line of its own.",
                ),
        });
        self.open.truncate(found);
        self.line_start = self.bytes[..quote].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        self.line_end(quote)
    }

    fn comment(&self, at: usize, faults: &mut Vec<Fault>) -> usize {
        match self.text[at + 2..self.end].find("*/") {
            Some(length) => at + 2 + length + 2,
            None => {
                faults.push(
                    Fault::new(1007, at..at + 2, "this comment is never closed")
                        .here("opened here")
                        .detail("Add the */ that ends it."),
                );
                self.end
            }
        }
    }

    /// The end of the heredoc that starts there; behind the two signs where it is none.
    fn heredoc(&mut self, at: usize, faults: &mut Vec<Fault>) -> usize {
        let Some(heredoc) = Heredoc::begin(&self.text[..self.end], at) else { return at + 2 };
        if let Some(closing) = heredoc.closing_word() {
            self.line_start = closing.line_start;
            return closing.end;
        }
        let mark = heredoc.mark();
        let detail =
            format!("Write {mark} on a line of its own behind the text, with only white space before it.");
        faults.push(
            Fault::new(
                1006,
                at..heredoc.word.end,
                format!("this heredoc is never closed: \"{mark}\" is missing"),
            )
            .here("opened here")
            .detail(detail),
        );
        self.open.clear();
        self.next_header(heredoc.body)
    }

    /// The end of the line before the next line that begins like a top-level block.
    fn next_header(&self, mut line: usize) -> usize {
        while line < self.end {
            if is_header(&self.text[line..self.end]) {
                return line - 1;
            }
            line = self.line_end(line) + 1;
        }
        self.end
    }

    fn push(&mut self, kind: Kind, at: usize) {
        self.open.push(Open { kind, at, entries: 0 });
    }

    fn line_end(&self, at: usize) -> usize {
        self.bytes[at..].iter().position(|b| *b == b'\n').map_or(self.end, |n| at + n)
    }

    fn line(&self, at: usize) -> Range<usize> {
        at..at + self.text[at..self.line_end(at)].trim_end().len()
    }
}

fn closing(opening: u8) -> u8 {
    match opening {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}
