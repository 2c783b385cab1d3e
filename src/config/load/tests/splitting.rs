use proptest::prelude::*;

use super::{faults, load_text, places};
use crate::config::load::split::split;

fn items(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let items = split(text, 0..text.len(), &mut found);
    assert_eq!(found, []);
    items.into_iter().map(|item| &text[item.place]).collect()
}

#[test]
fn items_end_where_their_brackets_do() {
    let text = "# c\na = 1 # one\n\n/* x\n*/ b \"c\" {\n  d = [\n    \"}\", # }\n  ]\n}\r\ne = \
        \"${f({\n  g = \"}\"\n})} $${ %%{\" // }\n";
    assert_eq!(
        items(text),
        [
            "a = 1 # one",
            "b \"c\" {\n  d = [\n    \"}\", # }\n  ]\n}",
            "e = \"${f({\n  g = \"}\"\n})} $${ %%{\" // }"
        ]
    );
}

#[test]
fn heredocs_end_at_their_word_only() {
    let text = "a = <<EOT\n} \" ${\n EOTX\n x EOT\nEOT\nb = f(<<-E\n  \"\n  E\n)\nc = 1";
    assert_eq!(items(text), ["a = <<EOT\n} \" ${\n EOTX\n x EOT\nEOT", "b = f(<<-E\n  \"\n  E\n)", "c = 1"]);
}

#[test]
fn five_faults_are_five_diagnostics() {
    let text = r#"
resource "core_value" "a" {
  input = "never closed
}

resource "core_value" "b" {
  input = [1, 2
}

variable "c" {
  type = = string
}

locals {
  d = 'single'
  ok = 1
}

output "e" {
  value = <<EOT
text
"#;
    assert_eq!(faults(text), [(3, 1004), (7, 1005), (11, 1003), (15, 1003), (20, 1006)]);
}

#[test]
fn an_unclosed_block_ends_before_the_next_header() {
    let text = "resource \"core_value\" \"a\" {\n  input = 1\n\noutput \"b\" {\n  value = 1\n}\nlocals \
        {\n  x = = 1\n}\n";
    assert_eq!(faults(text), [(1, 1005), (8, 1003)]);
    let inner = "resource \"core_value\" \"a\" {\n  lifecycle {\n    atomic = true\n}\n\noutput \"b\" \
        {\n  value = 1\n}\n";
    assert_eq!(faults(inner), [(2, 1005)]);
}

#[test]
fn two_faults_in_one_block_are_two_diagnostics() {
    let text =
        "resource \"core_value\" \"a\" {\n  x = = 1\n  lifecycle {\n    atomic: true\n  }\n  y = 2\n}\n";
    assert_eq!(faults(text), [(2, 1003), (4, 1003)]);
}

#[test]
fn templates_and_strings_left_open_are_told_apart() {
    let open_template = "locals {\n  a = \"${var.b\"\n}\nvariable \"b\" {}\n";
    assert_eq!(faults(open_template), [(2, 1004)]);
    let neither = "locals {\n  a = \"${b\n}\nlocals {\n  c = \"d\n}\n";
    assert_eq!(faults(neither), [(2, 1004), (5, 1004)]);
    assert_eq!(
        faults("locals {\n  a = 1 /* b\n}\n"),
        [(2, 1007), (1, 1005)].into_iter().rev().collect::<Vec<_>>()
    );
}

#[test]
fn other_syntax_faults_stand_at_their_line() {
    let cases: [(&str, &[(usize, u16)]); 9] = [
        ("}\nlocals {\n}\n", &[(1, 1005)]),
        ("locals {\n  a = 1\n  a = 2\n}\n", &[(3, 1008)]),
        ("locals {\n  a = { b = 1, b = 2 }\n}\n", &[(2, 1008)]),
        ("locals\n{\n}\n", &[(1, 1003)]),
        ("locals {\n  a = \"\\q\"\n}\n", &[(2, 1003)]),
        ("locals {\n  a = 1,\n  b = 2,\n}\n", &[(2, 1003), (3, 1003)]),
        ("locals {\n  a = (1 +\n}\n", &[(2, 1005)]),
        ("locals {\n  a = f(1]\n}\n", &[(2, 1005), (2, 1005)]),
        ("locals {\n  a =\n}\n", &[(2, 1003)]),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn limits_hold_without_crashing() {
    let deep = format!("locals {{\n  a = {}1{}\n}}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(faults(&deep), [(2, 1009)]);
    let blocks = format!("a {}{}\n", "{\nb ".repeat(5_000), "{\n}\n".to_owned() + &"}\n".repeat(5_000));
    assert!(faults(&blocks).iter().all(|(_, code)| *code == 1009), "{:?}", faults(&blocks));
    let operators = format!("locals {{\n  a = {}1\n}}\n", "1 + ".repeat(50_000));
    assert_eq!(faults(&operators), [(2, 1009)]);
    let not = format!("locals {{\n  a = {}true\n}}\n", "!".repeat(100_000));
    assert_eq!(faults(&not), [(2, 1009)]);
    let keys: String = (0..20_000).map(|n| format!("    k{n} = 1\n")).collect();
    assert_eq!(faults(&format!("locals {{\n  a = {{\n{keys}  }}\n}}\n")), [(2, 1009)]);
    let strings = "a = \"${\n".repeat(20_000);
    assert_eq!(faults(&strings).len(), 50);
    let items = "locals {\n}\n".repeat(100_001);
    assert_eq!(faults(&items), [(200_001, 1009)]);
}

#[test]
fn nested_faults_cost_no_more_than_nested_text() {
    let nests = [
        ("(1 + ", ")"),
        ("\"${1 + ", "}\""),
        ("[for x in ", " : x]"),
        ("{ a = 1 + ", " }"),
        ("f(1 + ", ")"),
        ("a[1 + ", "]"),
        ("true ? (", ") : 1"),
    ];
    for (open, close) in nests {
        for fault in ["@", "", "1 +", "\"\\q\"", "<<", "a b"] {
            let text = format!("locals {{\n  a = {}{fault}{}\n}}\n", open.repeat(30), close.repeat(30));
            let begin = std::time::Instant::now();
            assert_eq!(faults(&text).len(), 1, "{text}");
            assert!(begin.elapsed().as_secs() < 5, "{open} {fault}: {:?}", begin.elapsed());
        }
    }
    let directives =
        format!("locals {{\n  a = \"{}@{}\"\n}}\n", "%{ if true }".repeat(30), "%{ endif }".repeat(29));
    assert_eq!(faults(&directives).len(), 1);
}

#[test]
fn byte_order_mark_and_windows_lines_are_text() {
    let text = "locals {\r\n  a = <<-EOT\r\n    x\r\n  EOT\r\n} # end\r\n\r\nlocals {\r\n  b = 1\r\n}\r\n";
    let (configuration, sources, diagnostics) = load_text(text);
    assert!(diagnostics.is_empty(), "{:?}", places(&diagnostics, &sources));
    assert_eq!(configuration.expect("a configuration").root.locals.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_panics(text in "[a-c \\n\\r\"'{}()\\[\\]<>\\-EOT$%~/*#=,.:\\\\!?0-9é\u{1F600}]{0,120}") {
        let (_, sources, diagnostics) = load_text(&text);
        for d in &diagnostics {
            let Some(span) = d.span else { continue };
            let length = sources.get(span.source).text.len() as u32;
            prop_assert!(span.start <= span.end && span.end <= length, "{d:?}");
        }
    }

    #[test]
    fn pieces_of_language_never_panic(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "resource \"a_b\" \"c\" {\n", "locals {\n", "}\n", "x = ", "\"", "${", "%{ if ", "%{ endif \
                }", "<<EOT\n",
            "<<-EOT\n", "EOT\n", "[", "]", "(", ")", "var.x", "1", "\n", "/*", "*/", "# c\n", "for a in \
                b : ", "...",
            "moved {\n from = a_b.c\n to = a_b.d\n}\n", "variable \"x\" \
                {}\n", ",", "$${", "é", "\\", "lifecycle {\n",
        ]), 0..40)
    ) {
        load_text(&pieces.concat());
    }
}
