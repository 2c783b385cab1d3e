use mprov_sdk::{Object, Value};

use super::literal::{columns, key, one_line, printable, quoted};
use super::page::{Mark, Page};
use super::style::Tone;

/// What surrounds a value on its lines: a name in front of it, and something behind it.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// `name = `, or nothing for an element of a list.
    pub before: String,
    /// `,` or ` -> null`.
    pub after: &'static str,
    /// A remark behind the first line, such as `# forces replacement`.
    pub remark: &'static str,
}

impl Frame {
    /// An entry of an object or a block, its equals sign in the given column.
    pub fn entry(name: &str, width: usize) -> Self {
        let blanks = " ".repeat(width.saturating_sub(columns(name)));
        Self { before: format!("{name}{blanks} = "), ..Self::default() }
    }

    /// An element of a list.
    pub fn element() -> Self {
        Self { after: ",", ..Self::default() }
    }

    pub fn opening(&self, page: &Page, text: &str) -> String {
        format!("{}{text}{}", self.before, self.remark_text(page))
    }

    pub fn whole(&self, page: &Page, text: &str) -> String {
        format!("{}{text}{}{}", self.before, self.after, self.remark_text(page))
    }

    fn remark_text(&self, page: &Page) -> String {
        match self.remark {
            "" => String::new(),
            remark => format!(" {}", page.style().paint(Tone::Remove, remark)),
        }
    }
}

/// How much of long values is shown.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Characters of a string on one line.
    pub characters: Option<usize>,
    /// Lines of a string with several.
    pub lines: Option<usize>,
    /// Elements of a collection.
    pub elements: Option<usize>,
}

impl Cut {
    /// For plans: enough to know what it is.
    pub const PLAN: Self = Self { characters: Some(160), lines: Some(40), elements: Some(200) };
    pub const NONE: Self = Self { characters: None, lines: None, elements: None };
}

/// Writes a value as HCL over as many lines as it needs, each of its parts under the mark.
pub fn write_value(page: &mut Page, level: usize, mark: Mark, frame: &Frame, value: &Value, cut: Cut) {
    if let Value::String(text) = value
        && text.contains('\n')
    {
        return write_lines(page, level, mark, frame, text, cut);
    }
    match value {
        Value::List(v) | Value::Set(v) | Value::Tuple(v) if !v.is_empty() => {
            let line = frame.opening(page, "[");
            page.line(level, mark, &line);
            let shown = cut.elements.unwrap_or(v.len());
            for element in v.iter().take(shown) {
                write_value(page, level + 1, mark, &Frame::element(), element, cut);
            }
            more(page, level + 1, v.len().saturating_sub(shown), "elements");
            page.line(level, Mark::None, &format!("]{}", frame.after));
        }
        Value::Map(o) | Value::Object(o) if !o.is_empty() => {
            let line = frame.opening(page, "{");
            page.line(level, mark, &line);
            write_entries(page, level + 1, mark, o, matches!(value, Value::Map(_)), cut);
            page.line(level, Mark::None, &format!("}}{}", frame.after));
        }
        scalar => {
            let text = one_line(scalar, cut.characters).expect("collections with elements are handled above");
            let line = frame.whole(page, &text);
            page.line(level, mark, &line);
        }
    }
}

/// The entries of an object or a map, their equals signs in one column.
fn write_entries(page: &mut Page, level: usize, mark: Mark, object: &Object, is_map: bool, cut: Cut) {
    let shown = cut.elements.unwrap_or(object.len());
    let names: Vec<String> = object.keys().take(shown).map(|name| entry_name(name, is_map)).collect();
    let width = names.iter().map(|n| columns(n)).max().unwrap_or(0);
    for (name, value) in names.iter().zip(object.values()) {
        write_value(page, level, mark, &Frame::entry(name, width), value, cut);
    }
    more(page, level, object.len().saturating_sub(shown), "elements");
}

/// Keys of maps are data and stand in quotes; attribute names of objects do not.
pub fn entry_name(name: &str, is_map: bool) -> String {
    if is_map { quoted(name, None) } else { key(name) }
}

/// A text of several lines as a heredoc.
fn write_lines(page: &mut Page, level: usize, mark: Mark, frame: &Frame, text: &str, cut: Cut) {
    let line = frame.opening(page, "<<-EOT");
    page.line(level, mark, &line);
    let count = text.lines().count();
    let shown = cut.lines.unwrap_or(count);
    for line in text.lines().take(shown) {
        page.line(level + 1, Mark::None, &printable_line(line, cut));
    }
    more(page, level + 1, count.saturating_sub(shown), "lines");
    page.line(level, Mark::None, &format!("EOT{}", frame.after));
}

/// A line of a text, cut where a plan cuts.
pub fn printable_line(line: &str, cut: Cut) -> String {
    let text = printable(line);
    match cut.characters {
        Some(limit) if columns(&text) > limit => {
            let head: String = text.chars().take(limit).collect();
            format!("{head}…")
        }
        _ => text,
    }
}

pub fn more(page: &mut Page, level: usize, count: usize, noun: &str) {
    if count > 0 {
        let text = page.style().paint(Tone::Faint, &format!("# ({count} more {noun})"));
        page.line(level, Mark::None, &text);
    }
}
