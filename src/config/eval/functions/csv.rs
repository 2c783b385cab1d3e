use mprov_sdk::{Object, Value};

use super::signature::{Failure, Function, Shape, Surroundings, string};
use super::text::text;
use crate::config::eval::limits::ELEMENTS;
use crate::config::eval::literal::normal;

pub const FUNCTIONS: &[Function] = &[Function::new(
    "csvdecode",
    &[string("str")],
    Shape::List(&Shape::Any),
    "the rows of the text as objects, named by the first row",
    csvdecode,
)];

fn csvdecode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let rows = rows(text(&args[0]))?;
    let mut rows = rows.into_iter();
    let Some((_, header)) = rows.next() else {
        return Err(Failure::of(0, "the text has no row with the names of the columns"));
    };
    if let Some(twice) = header.iter().enumerate().find(|(i, name)| header[..*i].contains(name)) {
        return Err(Failure::of(0, format!("two columns are called {:?}", twice.1)));
    }
    let mut objects = Vec::new();
    let mut cells = 0;
    for (line, row) in rows {
        if row.len() != header.len() {
            let counts = format!("line {line} has {} fields, the first row {}", row.len(), header.len());
            return Err(Failure::of(0, counts));
        }
        cells += row.len();
        if cells > ELEMENTS {
            return Err(Failure::too_large(format!("the text has more than {ELEMENTS} fields")));
        }
        let fields = header.iter().zip(row).map(|(name, field)| (name.as_str(), normal(&field)));
        objects.push(Value::from(fields.collect::<Object>()));
    }
    Ok(Value::list(objects))
}

/// The rows with the lines they begin on. Empty lines are left out.
fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, Failure> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    let mut row_line = 1;
    while !rest.is_empty() {
        let field;
        (field, rest) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner, &mut line)?,
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                let raw = rest[..end].strip_suffix('\r').filter(|_| rest[end..].starts_with('\n'));
                let raw = raw.unwrap_or(&rest[..end]);
                if raw.contains('"') {
                    return Err(Failure::of(0, format!("line {line}: a quote stands inside of a field")));
                }
                (raw.to_owned(), &rest[end..])
            }
        };
        let is_blank_line = row.is_empty() && field.is_empty() && !rest.starts_with(',');
        if !is_blank_line {
            row.push(field);
        }
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
            if rest.is_empty() || rest.starts_with(['\n', '\r']) {
                row.push(String::new());
            } else {
                continue;
            }
        }
        let after = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'));
        if after.is_none() && !rest.is_empty() {
            return Err(Failure::of(0, format!("line {line}: something follows a quoted field")));
        }
        if !row.is_empty() {
            rows.push((row_line, std::mem::take(&mut row)));
        }
        rest = after.unwrap_or("");
        line += 1;
        row_line = line;
    }
    Ok(rows)
}

/// A field in quotes, and what follows it.
fn quoted<'t>(inner: &'t str, line: &mut usize) -> Result<(String, &'t str), Failure> {
    let mut field = String::new();
    let mut rest = inner;
    loop {
        let Some(end) = rest.find('"') else {
            return Err(Failure::of(0, format!("line {line}: a quote is not closed")));
        };
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => break,
        }
    }
    *line += field.matches('\n').count();
    Ok((field, rest))
}
