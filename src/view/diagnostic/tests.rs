use mprov_sdk::{Diagnostic, SourceId, Span};
use proptest::prelude::*;
use serde_json::json;

use super::{json, render};
use crate::config::Sources;
use crate::view::Style;

const TEXT: &str = "variable \"hostname\" {}\n\nlocals {\n\turl = \"https://é${var.hostnme}/\"\n}\n";

fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("main.mprov.hcl", TEXT);
    sources.add_secret("mprov.mprovvars.hcl", "password = \"hunter2\n");
    sources
}

/// The first place of that text in the file.
fn span(part: &str) -> Span {
    let start = TEXT.find(part).expect("it is in the text") as u32;
    Span { source: SourceId(0), start, end: start + part.len() as u32 }
}

fn unknown_name() -> Diagnostic {
    Diagnostic::error(1101, "variable \"hostnme\" is not declared")
        .at(span("var.hostnme"))
        .here("used here")
        .detail("Did you mean \"hostname\"?")
}

#[test]
fn an_error_shows_its_line() {
    let expected = r#"
error[MP1101]: variable "hostnme" is not declared
 --> main.mprov.hcl:4:20
  |
4 |     url = "https://é${var.hostnme}/"
  |                       ^^^^^^^^^^^ used here
  |
  = help: Did you mean "hostname"?
"#;
    assert_eq!(format!("\n{}", render(&unknown_name(), &sources(), Style::PLAIN)), expected);
}

#[test]
fn further_places_and_addresses_are_shown() {
    let diagnostic =
        unknown_name().label(span("variable \"hostname\""), "this is declared").address("core_value.a");
    let expected = r#"
error[MP1101]: variable "hostnme" is not declared
 --> main.mprov.hcl:4:20
  |
1 | variable "hostname" {}
  | ------------------- this is declared
...
4 |     url = "https://é${var.hostnme}/"
  |                       ^^^^^^^^^^^ used here
  |
  = note: it is about core_value.a
  = help: Did you mean "hostname"?
"#;
    assert_eq!(format!("\n{}", render(&diagnostic, &sources(), Style::PLAIN)), expected);
}

#[test]
fn without_a_place_the_address_stands_for_it() {
    let diagnostic = Diagnostic::warning(5001, "the container is unhealthy")
        .address("docker_container.web[\"a\"]")
        .detail(
            "Its log says why, and it is a long text that does not fit into one line of a narrow terminal.",
        );
    let expected = r#"
warning[MP5001]: the container is unhealthy
--> docker_container.web["a"]
 = help: Its log says why, and it is a long
         text that does not fit into one line
         of a narrow terminal.
"#;
    let style = Style { color: false, width: 50 };
    assert_eq!(format!("\n{}", render(&diagnostic, &sources(), style)), expected);
}

#[test]
fn values_of_variables_are_never_shown() {
    let span = Span { source: SourceId(1), start: 11, end: 19 };
    let diagnostic = Diagnostic::error(1004, "this string is never closed").at(span).label(span, "here");
    let text = render(&diagnostic, &sources(), Style::PLAIN);
    assert!(text.contains("mprov.mprovvars.hcl:1:12"), "{text}");
    let document = json(&diagnostic, &sources());
    assert_eq!(document["range"]["start"], json!({ "line": 1, "column": 12, "byte": 11 }));
    assert!(!text.contains("hunter2") && !document.to_string().contains("hunter2"));
}

#[test]
fn programs_get_lines_columns_and_bytes() {
    let document = json(&unknown_name(), &sources());
    let start = TEXT.find("var.hostnme").expect("it is in the text");
    assert_eq!(
        document,
        json!({
            "severity": "error",
            "code": "MP1101",
            "summary": "variable \"hostnme\" is not declared",
            "detail": "Did you mean \"hostname\"?",
            "range": {
                "filename": "main.mprov.hcl",
                "start": { "line": 4, "column": 20, "byte": start },
                "end": { "line": 4, "column": 31, "byte": start + 11 },
            },
            "here": "used here",
            "snippet": {
                "context": null,
                "code": "\turl = \"https://é${var.hostnme}/\"",
                "start_line": 4,
                "highlight_start_offset": 20,
                "highlight_end_offset": 31,
                "values": [],
            },
        })
    );
}

#[test]
fn colour_repeats_and_never_replaces() {
    let style = Style { color: true, ..Style::PLAIN };
    let coloured = render(&unknown_name(), &sources(), style);
    assert!(coloured.contains("\x1b["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("an escape sequence ends").1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&unknown_name(), &sources(), Style::PLAIN));
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let mut sources = Sources::default();
    let text = format!("x = [{}, wrong, {}]", "\"aaaaaaaa\", ".repeat(200_000), "1, ".repeat(200_000));
    let start = text.find("wrong").expect("it is in the text") as u32;
    let source = sources.add("long.mprov.hcl", text);
    let diagnostic = Diagnostic::error(1102, "what").at(Span { source, start, end: start + 5 });
    let shown = render(&diagnostic, &sources, Style::PLAIN);
    assert!(shown.contains("wrong") && shown.contains(&format!("long.mprov.hcl:1:{}", start + 1)), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() < 120), "{shown}");
}

#[test]
fn what_terminals_obey_is_replaced() {
    let diagnostic = Diagnostic::error(1, "a\x1b[2Jb").detail("c\x1b]0;x\x07d").address("e\x1bf");
    let shown = render(&diagnostic, &Sources::default(), Style::PLAIN);
    assert!(!shown.contains(['\x1b', '\x07']), "{shown:?}");
}

proptest! {
    #[test]
    fn odd_spans_never_panic(
        text in "[a\u{e9}\u{1F469}\u{200D}\t\r\n \"]{0,40}",
        places in proptest::collection::vec((0u32..3, 0u32..60, 0u32..60), 1..4),
        width in 0usize..120,
    ) {
        let mut sources = Sources::default();
        sources.add("a", text.clone());
        sources.add("b", text);
        let mut diagnostic = Diagnostic::error(1, "s").detail("d");
        for (index, (source, start, end)) in places.into_iter().enumerate() {
            let span = Span { source: SourceId(source), start, end };
            diagnostic = if index == 0 { diagnostic.at(span) } else { diagnostic.label(span, "l") };
        }
        render(&diagnostic, &sources, Style { color: true, width });
        json(&diagnostic, &sources);
    }
}
