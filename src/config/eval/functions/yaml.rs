use mprov_sdk::Value;

use super::json::to_json;
use super::signature::{Failure, Function, Shape, Surroundings, any};
use super::text::check_size;

pub const FUNCTIONS: &[Function] = &[Function::new(
    "yamlencode",
    &[any("value").nullable()],
    Shape::String,
    "the value as YAML, block by block",
    yamlencode,
)];

fn yamlencode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut output = String::new();
    write(&args[0], 0, Start::Document, &mut output).map_err(|m| Failure::of(0, m))?;
    // A plain scalar alone is followed by the end of the document, as Terraform's encoder writes it.
    if matches!(args[0], Value::Null | Value::Bool(_) | Value::Number(_)) {
        output.push_str("...\n");
    }
    check_size(output.len())?;
    Ok(Value::from(output))
}

/// What stands in front of a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Document,
    /// `"key":`
    Key,
    /// `- `, which the first line of a block goes on.
    Dash,
}

fn write(value: &Value, indent: usize, start: Start, output: &mut String) -> Result<(), String> {
    match value {
        Value::Map(o) | Value::Object(o) if !o.is_empty() => {
            for (i, (key, item)) in o.iter().enumerate() {
                begin(i, indent, start, output);
                quote(key, output);
                output.push(':');
                write(item, indent + 2, Start::Key, output)?;
            }
        }
        Value::List(v) | Value::Set(v) | Value::Tuple(v) if !v.is_empty() => {
            // A list under a key is not indented further than the key.
            let indent = if start == Start::Key { indent - 2 } else { indent };
            for (i, item) in v.iter().enumerate() {
                begin(i, indent, start, output);
                output.push('-');
                write(item, indent + 2, Start::Dash, output)?;
            }
        }
        scalar => {
            if start != Start::Document {
                output.push(' ');
            }
            write_scalar(scalar, indent, output)?;
            output.push('\n');
        }
    }
    Ok(())
}

/// The beginning of the line of an entry.
fn begin(index: usize, indent: usize, start: Start, output: &mut String) {
    match (index, start) {
        (0, Start::Dash) => output.push(' '),
        (0, Start::Key) => {
            output.push('\n');
            output.push_str(&" ".repeat(indent));
        }
        _ => output.push_str(&" ".repeat(indent)),
    }
}

fn write_scalar(value: &Value, indent: usize, output: &mut String) -> Result<(), String> {
    match value {
        Value::String(s) if is_block(s) => {
            output.push('|');
            // The indentation is said where the text itself begins with blanks.
            if s.starts_with([' ', '\n', '\t']) {
                output.push('2');
            }
            let body = s.strip_suffix('\n').unwrap_or(s);
            match (s.ends_with('\n'), body.ends_with('\n') || body.is_empty()) {
                (false, _) => output.push('-'),
                (true, true) => output.push('+'),
                (true, false) => {}
            }
            for line in body.split('\n') {
                output.push('\n');
                if !line.is_empty() {
                    output.push_str(&" ".repeat(indent.max(2)));
                    output.push_str(line);
                }
            }
        }
        Value::List(_) | Value::Set(_) | Value::Tuple(_) => output.push_str("[]"),
        Value::Map(_) | Value::Object(_) => output.push_str("{}"),
        Value::String(s) => quote(s, output),
        other => output.push_str(&to_json(other)?),
    }
    Ok(())
}

fn quote(text: &str, output: &mut String) {
    output.push('"');
    for c in text.chars() {
        match c {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\0' => output.push_str("\\0"),
            '\u{85}' => output.push_str("\\N"),
            '\u{a0}' => output.push_str("\\_"),
            '\u{2028}' => output.push_str("\\L"),
            '\u{2029}' => output.push_str("\\P"),
            '\u{feff}' => output.push_str("\\uFEFF"),
            c if c.is_control() => output.push_str(&format!("\\x{:02x}", c as u32)),
            c => output.push(c),
        }
    }
    output.push('"');
}

/// Whether a text of several lines can be written as a block and read back the same.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && text.chars().all(|c| c == '\n' || !c.is_control())
        && !text.split('\n').any(|line| line.ends_with(' '))
}
