use serde_json::{Value as Json, json};

use crate::workspace::{Counted, GenerationRow};

use super::literal::printable;

/// Generations as a table.
pub fn table(rows: &[GenerationRow]) -> String {
    let head = ["MODULE", "ID", "ROLE", "MADE FROM", "MADE", "SWITCHED", "SIZE", "ONLY ITS OWN"];
    let cells = rows.iter().map(|row| {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), bytes_text);
        let role = if row.unfinished { format!("{} (unfinished)", row.role) } else { row.role.to_owned() };
        [
            row.module.clone(),
            row.id.clone(),
            role,
            row.inputs.iter().map(|(k, v)| format!("{k}={}", short(v))).collect::<Vec<_>>().join(" "),
            row.made.clone(),
            row.switched.clone().unwrap_or_else(|| "-".to_owned()),
            size(row.usage.map(|u| u.total)),
            size(row.usage.and_then(|u| u.unique)),
        ]
    });
    let lines: Vec<[String; 8]> = [head.map(str::to_owned)].into_iter().chain(cells).collect();
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; 8]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", printable(padded.join("  ").trim_end()))
    };
    lines.iter().map(line).collect()
}

/// The same for programs.
pub fn json(rows: &[GenerationRow]) -> Json {
    let generations = rows.iter().map(|row| {
        let inputs: serde_json::Map<String, Json> =
            row.inputs.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        json!({
            "module": row.module,
            "id": row.id,
            "role": row.role,
            "unfinished": row.unfinished,
            "inputs": inputs,
            "made": row.made,
            "switched": row.switched,
            "bytes": row.usage.map(|u| u.total),
            "unique_bytes": row.usage.and_then(|u| u.unique),
        })
    });
    json!({ "generations": generations.collect::<Vec<_>>() })
}

/// What users have written, and what cannot be counted.
pub fn written(counted: &[Counted]) -> String {
    let mut text = String::new();
    for one in counted {
        let what = match &one.written {
            Ok(written) if written.iter().all(|w| w.count == 0) => "nothing".to_owned(),
            Ok(written) => {
                let some = written.iter().filter(|w| w.count > 0);
                some.map(|w| format!("{} {}", w.count, w.what)).collect::<Vec<_>>().join(", ")
            }
            Err(fault) => format!("this cannot be counted: {}", fault.summary),
        };
        text.push_str(&printable(&format!("Written to {} since {}: {what}.", one.address, one.since)));
        text.push('\n');
    }
    text
}

pub fn written_json(counted: &[Counted]) -> Json {
    let entries = counted.iter().map(|one| {
        let written = one.written.as_ref().ok().map(|written| {
            written.iter().map(|w| (w.what.clone(), json!(w.count))).collect::<serde_json::Map<_, _>>()
        });
        json!({ "address": one.address, "since": one.since, "written": written })
    });
    json!({ "instances": entries.collect::<Vec<_>>() })
}

/// `1.4 GiB`
fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// Ids of images are long, and their beginning tells them apart.
fn short(text: &str) -> String {
    match text.strip_prefix("sha256:") {
        Some(digest) => digest.chars().take(12).collect(),
        None => text.to_owned(),
    }
}
