use mprov_sdk::{Diagnostic, Severity, Span};
use serde_json::{Value as Json, json};

use super::excerpt::{Excerpt, Position};
use crate::config::Sources;

/// A diagnostic for programs, in the shape that Terraform's `validate -json` has:
///
/// `severity` (`error` or `warning`), `code`, `summary`, `detail`; `address` where there is one;
/// `range` with `filename`, `start` and `end` (`line` and `column` from 1, `byte` from 0);
/// `here`, said at the place itself; `snippet` with `context` (null), `code` (the source line), `start_line`,
/// `highlight_start_offset`, `highlight_end_offset` (bytes within `code`) and `values` (empty); and
/// `labels`, further places, each with `text` and `range`. Texts with values of variables have no
/// snippet. What does not apply is absent.
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut document = json!({
        "severity": severity,
        "code": diagnostic.code.to_string(),
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    });
    if let Some(address) = &diagnostic.address {
        document["address"] = json!(address);
    }
    if let Some(excerpt) = diagnostic.span.and_then(|span| Excerpt::find(sources, span)) {
        document["range"] = range(&excerpt);
        if !diagnostic.here.is_empty() {
            document["here"] = json!(diagnostic.here);
        }
        if !excerpt.file.secret {
            document["snippet"] = snippet(&excerpt);
        }
    }
    let label = |span: Span, text: &str| {
        let excerpt = Excerpt::find(sources, span)?;
        Some(json!({ "text": text, "range": range(&excerpt) }))
    };
    let labels: Vec<Json> = diagnostic.labels.iter().filter_map(|l| label(l.span, &l.text)).collect();
    if !labels.is_empty() {
        document["labels"] = json!(labels);
    }
    document
}

fn range(excerpt: &Excerpt<'_>) -> Json {
    let position = |p: Position| json!({ "line": p.line, "column": p.column, "byte": p.byte });
    json!({ "filename": excerpt.name(), "start": position(excerpt.start()), "end": position(excerpt.end()) })
}

fn snippet(excerpt: &Excerpt<'_>) -> Json {
    json!({
        "context": null,
        "code": &excerpt.file.text[excerpt.line.clone()],
        "start_line": excerpt.line_number,
        "highlight_start_offset": excerpt.bytes.start - excerpt.line.start,
        "highlight_end_offset": excerpt.bytes.end - excerpt.line.start,
        "values": [],
    })
}
