use mprov_sdk::{Name, Object, Value};

use super::edits::{Edit, edits};
use super::literal::{SENSITIVE, columns, one_line, quoted_pair};
use super::page::{Mark, Page};
use super::style::Tone;
use super::value::{Cut, Frame, entry_name, printable_line, write_value};

/// Unchanged lines of a text that are shown around changed ones.
const CONTEXT: usize = 3;
/// Characters of one side of a changed string.
const SIDE: usize = 100;

/// Writes how one value becomes another. The two differ ([`Value::same`]).
pub fn write_change(page: &mut Page, level: usize, frame: &Frame, before: &Value, after: &Value) {
    if let (Value::Sensitive(_), _) | (_, Value::Sensitive(_)) = (before, after) {
        return write_sensitive(page, level, frame, before, after);
    }
    match (before, after) {
        (Value::Null, after) => write_value(page, level, Mark::Add, frame, after, Cut::PLAN),
        (before, Value::Null) => {
            let frame = Frame { after: null_after(frame.after), ..frame.clone() };
            write_value(page, level, Mark::Remove, &frame, before, Cut::PLAN);
        }
        (Value::List(b) | Value::Tuple(b), Value::List(a) | Value::Tuple(a))
            if !a.is_empty() && !b.is_empty() =>
        {
            enclosed(page, level, frame, ["[", "]"], |page| list(page, level + 1, b, a));
        }
        (Value::Set(b), Value::Set(a)) if !a.is_empty() && !b.is_empty() => {
            enclosed(page, level, frame, ["[", "]"], |page| set(page, level + 1, b, a));
        }
        (Value::Map(b) | Value::Object(b), Value::Map(a) | Value::Object(a))
            if !a.is_empty() && !b.is_empty() =>
        {
            let is_map = matches!(after, Value::Map(_));
            enclosed(page, level, frame, ["{", "}"], |page| object(page, level + 1, b, a, is_map));
        }
        (Value::String(b), Value::String(a)) => string(page, level, frame, b, a),
        _ => one_for_the_other(page, level, frame, before, after),
    }
}

/// Whether there is a secret now and was one before is all that can be said of secrets.
fn write_sensitive(page: &mut Page, level: usize, frame: &Frame, before: &Value, after: &Value) {
    let (mark, text) = match (before.is_null(), after.is_null()) {
        (true, _) => (Mark::Add, SENSITIVE.to_owned()),
        (_, true) => (Mark::Remove, format!("{SENSITIVE} -> null")),
        _ if after.is_unknown() => {
            (Mark::Change, format!("{SENSITIVE} -> (new sensitive value after apply)"))
        }
        _ => (Mark::Change, SENSITIVE.to_owned()),
    };
    let line = frame.whole(page, &text);
    page.line(level, mark, &line);
}

fn null_after(after: &'static str) -> &'static str {
    if after.is_empty() { " -> null" } else { after }
}

fn enclosed(
    page: &mut Page,
    level: usize,
    frame: &Frame,
    brackets: [&str; 2],
    inner: impl FnOnce(&mut Page),
) {
    let line = frame.opening(page, brackets[0]);
    page.line(level, Mark::Change, &line);
    inner(page);
    page.line(level, Mark::None, &format!("{}{}", brackets[1], frame.after));
}

/// Two values that have no parts in common: both in full, on one line where they fit.
fn one_for_the_other(page: &mut Page, level: usize, frame: &Frame, before: &Value, after: &Value) {
    let limit = Cut::PLAN.characters;
    match (one_line(before, limit), one_line(after, limit)) {
        (Some(b), Some(a)) => {
            let line = frame.whole(page, &format!("{b} -> {a}"));
            page.line(level, Mark::Change, &line);
        }
        (None, Some(a)) if after.is_unknown() || before.as_elements().is_some() == a.starts_with('[') => {
            let arrow = Frame { after: "", ..frame.clone() };
            write_value(page, level, Mark::Remove, &arrow, before, Cut::PLAN);
            page.line(level, Mark::None, &format!("-> {a}{}", frame.after));
        }
        _ => {
            write_value(page, level, Mark::Remove, &Frame { remark: "", ..frame.clone() }, before, Cut::PLAN);
            write_value(page, level, Mark::Add, frame, after, Cut::PLAN);
        }
    }
}

/// The entries of an object or map that differ, and the number of the others.
fn object(page: &mut Page, level: usize, before: &Object, after: &Object, is_map: bool) {
    let changed = changed_names(before, after);
    let names: Vec<String> = changed.iter().map(|name| entry_name(name, is_map)).collect();
    let width = names.iter().map(|n| columns(n)).max().unwrap_or(0);
    for (name, written) in changed.iter().zip(&names) {
        write_change(page, level, &Frame::entry(written, width), before.get(name), after.get(name));
    }
    let kept = after.iter().filter(|(n, v)| !v.is_null() && before.get(n).same(v)).count();
    page.hidden(level, kept, if is_map { "element" } else { "attribute" });
}

/// Names under which the two hold different values, in order.
pub fn changed_names(before: &Object, after: &Object) -> Vec<Name> {
    let gone = before.keys().filter(|name| !after.contains(name));
    let mut names: Vec<Name> =
        after.keys().chain(gone).filter(|name| !before.get(name).same(after.get(name))).cloned().collect();
    names.sort();
    names
}

fn list(page: &mut Page, level: usize, before: &[Value], after: &[Value]) {
    let edits = edits(before, after, Value::same);
    let mut rest = edits.as_slice();
    while !rest.is_empty() {
        let kept = rest.iter().take_while(|e| matches!(e, Edit::Keep(..))).count();
        write_kept(page, level, kept_values(&rest[..kept], after));
        rest = &rest[kept..];
        let changed = rest.iter().take_while(|e| !matches!(e, Edit::Keep(..))).count();
        write_changed(page, level, &rest[..changed], before, after);
        rest = &rest[changed..];
    }
}

fn kept_values<'a>(edits: &'a [Edit], after: &'a [Value]) -> impl Iterator<Item = &'a Value> {
    edits.iter().filter_map(|edit| match edit {
        Edit::Keep(_, j) => Some(&after[*j]),
        _ => None,
    })
}

/// One kept element takes no more room than the remark that it is hidden.
fn write_kept<'a>(page: &mut Page, level: usize, kept: impl Iterator<Item = &'a Value>) {
    let kept: Vec<&Value> = kept.collect();
    match kept.as_slice() {
        [only] if one_line(only, None).is_some_and(|text| text.len() < SIDE) => {
            write_value(page, level, Mark::None, &Frame::element(), only, Cut::PLAN);
        }
        many => page.hidden(level, many.len(), "element"),
    }
}

/// A run without a kept element. Collections that take each other's place are shown as changed
/// inside: the n-th removed with the n-th added.
fn write_changed(page: &mut Page, level: usize, run: &[Edit], before: &[Value], after: &[Value]) {
    let removed: Vec<&Value> =
        run.iter().filter_map(|e| if let Edit::Remove(i) = e { Some(&before[*i]) } else { None }).collect();
    let added: Vec<&Value> =
        run.iter().filter_map(|e| if let Edit::Add(j) = e { Some(&after[*j]) } else { None }).collect();
    let in_pairs = removed.iter().zip(&added).take_while(|(b, a)| is_object(b) && is_object(a)).count();
    for (b, a) in removed.iter().zip(&added).take(in_pairs) {
        write_change(page, level, &Frame::element(), b, a);
    }
    for value in &removed[in_pairs..] {
        write_value(page, level, Mark::Remove, &Frame::element(), value, Cut::PLAN);
    }
    for value in &added[in_pairs..] {
        write_value(page, level, Mark::Add, &Frame::element(), value, Cut::PLAN);
    }
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Map(_) | Value::Object(_))
}

/// Both are sorted, so that one walk through both finds what is in one only.
fn set(page: &mut Page, level: usize, before: &[Value], after: &[Value]) {
    let (mut i, mut j, mut kept) = (0, 0, 0);
    while i < before.len() || j < after.len() {
        match (before.get(i), after.get(j)) {
            (Some(b), Some(a)) if b.same(a) => (i, j, kept) = (i + 1, j + 1, kept + 1),
            (Some(b), a) if a.is_none_or(|a| b < a) => {
                write_value(page, level, Mark::Remove, &Frame::element(), b, Cut::PLAN);
                i += 1;
            }
            (_, a) => {
                let a = a.expect("one of the two sides has an element left");
                write_value(page, level, Mark::Add, &Frame::element(), a, Cut::PLAN);
                j += 1;
            }
        }
    }
    page.hidden(level, kept, "element");
}

fn string(page: &mut Page, level: usize, frame: &Frame, before: &str, after: &str) {
    if before.contains('\n') || after.contains('\n') {
        return enclosed(page, level, frame, ["<<-EOT", "EOT"], |page| lines(page, level + 1, before, after));
    }
    if let (Some(b), Some(a)) = (json_text(before), json_text(after))
        && !b.same(&a)
    {
        return enclosed(page, level, frame, ["jsonencode(", ")"], |page| {
            write_change(page, level + 1, &Frame::default(), &b, &a);
        });
    }
    let (before, after) = quoted_pair(before, after, SIDE);
    let line = frame.whole(page, &format!("{before} -> {after}"));
    page.line(level, Mark::Change, &line);
}

/// The value that a text of JSON holds; none for other texts and for bare scalars.
fn json_text(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(super::json::from_json(&json))
}

fn lines(page: &mut Page, level: usize, before: &str, after: &str) {
    let (b, a): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let edits = edits(&b, &a, |x, y| x == y);
    let near = near_changes(&edits);
    let mut hidden = 0;
    let mut room = 5 * Cut::PLAN.lines.unwrap_or(usize::MAX);
    let mut left_out = 0;
    for (edit, near) in edits.iter().zip(near) {
        if !near {
            hidden += 1;
            continue;
        }
        if room == 0 {
            left_out += 1;
            continue;
        }
        room -= 1;
        page.hidden(level, std::mem::take(&mut hidden), "line");
        let (mark, text) = match edit {
            Edit::Keep(_, j) => (Mark::None, a[*j]),
            Edit::Remove(i) => (Mark::Remove, b[*i]),
            Edit::Add(j) => (Mark::Add, a[*j]),
        };
        page.line(level, mark, &printable_line(text, Cut::PLAN));
    }
    super::value::more(page, level, left_out, "changed lines");
    page.hidden(level, hidden, "line");
    if edits.iter().all(|e| matches!(e, Edit::Keep(..))) {
        let text = page.style().paint(Tone::Faint, "# (only the ends of lines differ)");
        page.line(level, Mark::None, &text);
    }
}

/// For each edit, whether it is a change or stands within [`CONTEXT`] lines of one.
fn near_changes(edits: &[Edit]) -> Vec<bool> {
    let mut near = vec![false; edits.len()];
    for (at, edit) in edits.iter().enumerate() {
        if !matches!(edit, Edit::Keep(..)) {
            let start = at.saturating_sub(CONTEXT);
            let end = (at + CONTEXT + 1).min(edits.len());
            near[start..end].fill(true);
        }
    }
    near
}
