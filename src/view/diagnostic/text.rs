use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use mprov_sdk::{Diagnostic, Severity};

use super::excerpt::Excerpt;
use super::wrap::{one_line, wrap};
use crate::config::Sources;
use crate::view::Style;

/// Lines between two places up to which they are shown in one excerpt.
const NEAR: usize = 12;
/// Columns that stand before the text of an advice: `   = help: `.
const HELP_MARGIN: usize = 12;
/// Bytes of a line beyond which only the part around the place is laid out.
const LINE_LIMIT: usize = 4096;

/// A diagnostic as lines of text, each with its end: code and summary, the place with its source
/// line, further places, the advice. Texts with values of variables are named but not shown.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&diagnostic.summary)).id(diagnostic.code.to_string());
    let mut group = Group::with_title(title);
    let mut places = places(diagnostic, sources);
    if places.is_empty()
        && let Some(address) = &diagnostic.address
    {
        group = group.element(Origin::path(one_line(address)));
    }
    while !places.is_empty() {
        let (origin, snippet) = together(&mut places);
        group = group.elements(origin.map(Element::from)).elements(snippet.map(Element::from));
    }
    if let (Some(_), Some(address)) = (diagnostic.span, &diagnostic.address) {
        group = group.element(Level::NOTE.message(format!("it is about {}", one_line(address))));
    }
    if !diagnostic.detail.is_empty() {
        let width = style.width.saturating_sub(HELP_MARGIN);
        group = group.element(Level::HELP.message(wrap(&diagnostic.detail, width)));
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width.max(40));
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// One marked place.
struct Place<'s> {
    excerpt: Excerpt<'s>,
    kind: AnnotationKind,
    text: String,
}

/// The place of the diagnostic first, then the others.
fn places<'s>(diagnostic: &Diagnostic, sources: &'s Sources) -> Vec<Place<'s>> {
    let place = |span, kind, text: &str| {
        let excerpt = Excerpt::find(sources, span)?;
        Some(Place { excerpt, kind, text: one_line(text) })
    };
    let own = diagnostic.span.and_then(|span| place(span, AnnotationKind::Primary, &diagnostic.here));
    let labels = diagnostic.labels.iter();
    own.into_iter().chain(labels.filter_map(|l| place(l.span, AnnotationKind::Context, &l.text))).collect()
}

/// Takes the first place, and those near it, out of the list. An excerpt never spans a whole file:
/// that would cost as much as the file is long, for each diagnostic. The place is named apart where
/// the excerpt does not tell it: it shows nothing of secret texts, and parts of very long lines.
fn together<'s>(places: &mut Vec<Place<'s>>) -> (Option<Origin<'s>>, Option<Snippet<'s, Annotation<'s>>>) {
    let first = places.remove(0);
    let file = first.excerpt.file;
    let is_long = first.excerpt.line.len() > LINE_LIMIT;
    let start = first.excerpt.start();
    let origin = Origin::path(first.excerpt.name()).line(start.line).char_column(start.column);
    if file.secret {
        return (Some(origin), None);
    }
    let near = |other: &mut Place<'s>| {
        std::ptr::eq(other.excerpt.file, file)
            && !is_long
            && other.excerpt.line.len() <= LINE_LIMIT
            && other.excerpt.line_number.abs_diff(first.excerpt.line_number) <= NEAR
    };
    let others: Vec<Place<'s>> = places.extract_if(.., near).collect();
    let alone = others.is_empty();
    let name = first.excerpt.name();
    let all: Vec<Place<'s>> = std::iter::once(first).chain(others).collect();
    let window = match alone {
        true => around(&all[0].excerpt),
        false => {
            let start = all.iter().map(|p| p.excerpt.line.start).min().unwrap_or_default();
            start..all.iter().map(|p| p.excerpt.line.end).max().unwrap_or_default()
        }
    };
    let line = all.iter().map(|p| p.excerpt.line_number).min().unwrap_or(1);
    let annotations = all.into_iter().map(|place| {
        let span = place.excerpt.bytes.start - window.start..place.excerpt.bytes.end - window.start;
        let annotation = place.kind.span(span);
        if place.text.is_empty() { annotation } else { annotation.label(place.text) }
    });
    let snippet = Snippet::source(&file.text[window.clone()]).line_start(line).annotations(annotations);
    match is_long {
        true => (Some(origin), Some(snippet)),
        false => (None, Some(snippet.path(name))),
    }
}

/// The line of a place, or the part around the place of a very long line.
fn around(excerpt: &Excerpt<'_>) -> Range<usize> {
    let line = excerpt.line.clone();
    if line.len() <= LINE_LIMIT {
        return line;
    }
    let text = &excerpt.file.text;
    let start = excerpt.bytes.start.saturating_sub(LINE_LIMIT / 4).max(line.start);
    let end = excerpt.bytes.start.saturating_add(LINE_LIMIT / 2).max(excerpt.bytes.end).min(line.end);
    text.floor_char_boundary(start)..text.floor_char_boundary(end)
}
