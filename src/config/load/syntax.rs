use std::ops::Range;

use hcl_edit::parser::Error;

use super::fault::Fault;

/// What the parser found wrong with an item, in words that say what to do.
pub fn syntax_fault(text: &str, item: &Range<usize>, error: &Error) -> Fault {
    let at = place_of(text, item, error);
    let place = at..at + text[at..item.end].chars().next().map_or(0, char::len_utf8);
    let message = error.message();
    if message.contains("unique attribute key") || message.contains("unique object key") {
        return duplicate(text, at);
    }
    if message.contains("nested levels") {
        return Fault::new(1009, place, "this is nested deeper than 64 levels")
            .detail("Give inner parts names of their own with locals.");
    }
    if message.contains("chained binary operators") {
        return Fault::new(1009, place, "more than 128 operators follow each other").detail(
            "Use a function such as join(), sum() or anytrue(), or split the expression with locals.",
        );
    }
    if message.contains("escape sequence") || message.contains("hex code") {
        return escape(text, item, at);
    }
    if text[item.clone()].trim_end().ends_with('=') {
        return Fault::new(1003, item.end..item.end, "syntax error: the value is missing")
            .detail("It stands on the line of its name; an argument without a value is name = null.");
    }
    let found = found(text, at, item.end);
    Fault::new(1003, place, format!("syntax error: {found}")).detail(advice(text, item, at, message))
}

/// Where the parser stopped. At the end of a text it names the last byte, which need not begin a
/// character, and tells by the column alone that it means the place behind.
fn place_of(text: &str, item: &Range<usize>, error: &Error) -> usize {
    let location = error.location();
    let at = text.floor_char_boundary((item.start + location.offset()).min(item.end));
    let line = text[item.start..at].rfind('\n').map_or(item.start, |n| item.start + n + 1);
    let is_last = at + text[at..item.end].chars().next().map_or(0, char::len_utf8) == item.end;
    let is_behind = location.column() > text[line..at].chars().count() + 1;
    if is_last && is_behind { item.end } else { at }
}

/// The parser stops behind the backslash and the sign after it.
fn escape(text: &str, item: &Range<usize>, at: usize) -> Fault {
    let start = text[item.start..at].rfind('\\').map_or(at, |n| item.start + n);
    let length: usize = text[start..item.end].chars().take(2).map(char::len_utf8).sum();
    let written = &text[start..start + length];
    Fault::new(1003, start..start + length, format!("syntax error: {written} is no escape sequence")).detail(
        "There are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN with hexadecimal digits; a \
            backslash itself is \\\\.",
    )
}

fn duplicate(text: &str, at: usize) -> Fault {
    let rest = &text[at..];
    let length = rest.find(|c: char| !(c.is_alphanumeric() || "_-\".".contains(c))).unwrap_or(rest.len());
    let name = rest[..length].trim_matches('"');
    Fault::new(1008, at..at + length, format!("\"{name}\" is set twice"))
        .here("set before already")
        .detail("Remove one of the two.")
}

fn found(text: &str, at: usize, end: usize) -> String {
    match text[at..end].chars().next() {
        None | Some('\n' | '\r') => "something is missing at the end of this line".into(),
        Some(sign) if sign.is_alphanumeric() || sign == '_' => {
            let word: String =
                text[at..end].chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
            format!("\"{word}\" is not expected here")
        }
        Some('"') => "a quote is not expected here".into(),
        Some(sign) => format!("\"{sign}\" is not expected here"),
    }
}

const HEADER: &str =
    "The opening brace of a block stands on the line of its header: resource \"type\" \"name\" {";

/// Words and labels alone, as in the header of a block.
fn is_header(item: &str) -> bool {
    !item.contains(['=', '\n', '{'])
}

fn advice(text: &str, item: &Range<usize>, at: usize, message: &str) -> String {
    let before = text[item.start..at].trim_end_matches([' ', '\t']).chars().next_back();
    match text[at..item.end].chars().next() {
        Some('\'') => "Strings stand in double quotes.".into(),
        Some('{') if at == item.start => HEADER.into(),
        None if is_header(&text[item.clone()]) => HEADER.into(),
        Some('{') if before == Some('=') => "A block takes no equals sign before its brace.".into(),
        Some(',') => {
            "Arguments of a block stand on lines of their own, with no commas; commas are for lists, objects \
             and function calls."
                .into()
        }
        Some(':') => "An argument is written name = value.".into(),
        Some('}' | ']' | ')') => "A value, or the rest of one, is missing before it.".into(),
        _ => expected(message),
    }
}

/// The parser's own list, as a sentence.
fn expected(message: &str) -> String {
    let (subject, list) = match message.strip_prefix("invalid ").and_then(|m| m.split_once("; ")) {
        Some((subject, list)) => (subject, list),
        None => ("", message),
    };
    let Some(list) = list.strip_prefix("expected ") else {
        return match subject {
            "" => "It could not be understood from here on.".into(),
            subject => format!("This is no valid {subject}."),
        };
    };
    if subject == "expression" {
        return "A value is expected: a string, a number, a name, a list or an object.".into();
    }
    if list.contains("newline") && list.contains("eof") {
        return "The line should end here. A string stands in quotes, and each argument has a line of \
            its own."
            .into();
    }
    let list = list.replace('`', "\"").replace("\"\n\"", "the end of the line");
    match subject {
        "" => format!("Expected: {list}."),
        subject => format!("In this {subject} is expected: {list}."),
    }
}
