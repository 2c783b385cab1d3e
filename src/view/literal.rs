use std::fmt::Write as _;

use mprov_sdk::Value;
use unicode_segmentation::UnicodeSegmentation as _;

pub const SENSITIVE: &str = "(sensitive value)";

/// A value that fits on one line, as HCL; none for collections with elements.
///
/// `limit` is the number of characters after which a string is cut.
pub fn one_line(value: &Value, limit: Option<usize>) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(text) => quoted(text, limit),
        Value::Sensitive(_) => SENSITIVE.to_owned(),
        Value::Unknown(unknown) => match &unknown.origin {
            Some(origin) => format!("(known after {})", printable(origin)),
            None => "(known after apply)".to_owned(),
        },
        Value::List(v) | Value::Tuple(v) | Value::Set(v) if v.is_empty() => "[]".to_owned(),
        Value::Map(o) | Value::Object(o) if o.is_empty() => "{}".to_owned(),
        _ => return None,
    })
}

/// The text as a quoted HCL template, cut to its first characters where it is longer than `limit`.
pub fn quoted(text: &str, limit: Option<usize>) -> String {
    let Some(limit) = limit else { return format!("\"{}\"", escaped(text)) };
    // A character is at least one byte, so short texts need no counting.
    if text.len() <= limit {
        return format!("\"{}\"", escaped(text));
    }
    match text.grapheme_indices(true).nth(limit) {
        None => format!("\"{}\"", escaped(text)),
        Some((end, _)) => {
            let count = text.graphemes(true).count();
            format!("\"{}…\" ({count} characters)", escaped(&text[..end]))
        }
    }
}

/// Two different texts of which at least one is long, each shown around the first difference.
pub fn quoted_pair(before: &str, after: &str, limit: usize) -> (String, String) {
    /// Characters shown in front of the difference, to find the place by.
    const CONTEXT: usize = 20;
    if before.len() <= limit && after.len() <= limit {
        return (quoted(before, None), quoted(after, None));
    }
    let common = before.graphemes(true).zip(after.graphemes(true)).take_while(|(a, b)| a == b).count();
    let start = if common < limit / 2 { 0 } else { common.saturating_sub(CONTEXT) };
    (window(before, start, limit), window(after, start, limit))
}

fn window(text: &str, start: usize, limit: usize) -> String {
    let mut rest = text.graphemes(true).skip(start);
    let shown: String = rest.by_ref().take(limit).collect();
    let head = if start > 0 { "…" } else { "" };
    let tail = if rest.next().is_some() { "…" } else { "" };
    format!("\"{head}{}{tail}\"", escaped(&shown))
}

/// An object's or map's key: bare where HCL allows it.
pub fn key(name: &str) -> String {
    match is_identifier(name) {
        true => name.to_owned(),
        false => quoted(name, None),
    }
}

pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Columns a name takes.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).count() }
}

/// Text from outside made safe for a terminal: what would move the cursor, change colours or turn
/// the direction of writing is dropped, a tab becomes a blank.
pub fn printable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // An escape sequence goes as a whole: its parameters are no text.
            '\x1b' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\t' => plain.push(' '),
            c if is_unprintable(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
            c if is_unprintable(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and those that reorder or hide the text around them (Unicode annex 9).
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use mprov_sdk::Type;

    #[test]
    fn strings_are_written_as_hcl_reads_them() {
        assert_eq!(quoted("a\"b\\c\n${x} 5$", None), r#""a\"b\\c\n$${x} 5$""#);
    }

    #[test]
    fn no_text_reaches_the_terminal_as_a_command() {
        assert_eq!(quoted("\x1b[31mred\u{202e}", None), r#""\u001b[31mred\u202e""#);
        assert_eq!(printable("\x1b[31mred\x1b[0m\r\u{202e}\tx"), "red x");
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        assert_eq!(quoted("äöüß", Some(2)), "\"äö…\" (4 characters)");
        assert_eq!(quoted("äöüß", Some(4)), "\"äöüß\"");
    }

    #[test]
    fn a_pair_of_long_strings_is_shown_where_it_differs() {
        let common = "x".repeat(100);
        let (before, after) = quoted_pair(&format!("{common}1"), &format!("{common}2"), 40);
        assert_eq!(before, format!("\"…{}1\"", "x".repeat(20)));
        assert_eq!(after, format!("\"…{}2\"", "x".repeat(20)));
    }

    #[test]
    fn an_unknown_value_names_what_makes_it_known() {
        let from = Value::unknown_from(Type::String, "aws_instance.vm");
        assert_eq!(one_line(&from, None).as_deref(), Some("(known after aws_instance.vm)"));
        assert_eq!(one_line(&Value::unknown(Type::Any), None).as_deref(), Some("(known after apply)"));
    }
}
