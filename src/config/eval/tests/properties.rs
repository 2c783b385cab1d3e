use mprov_sdk::SourceId;
use proptest::prelude::*;

use super::world::World;
use crate::config::Expr;
use crate::config::eval::{constant, evaluate, parse_reference, parse_type, references, restore_heredocs};

/// Pieces that random expressions are put together from.
const PIECES: &[&str] = &[
    "1",
    "0.5",
    "-",
    "+",
    "*",
    "/",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "${",
    "}",
    "%{ if ",
    "%{ endif }",
    "a",
    "var.text",
    "var.secret",
    "var.u",
    "var.list",
    "var.map",
    "var.object",
    "var.nothing",
    "core_value.many",
    "[0]",
    "[*]",
    ".*",
    ".id",
    ".0",
    "[for x in ",
    "{for k, v in ",
    " : ",
    " => ",
    " if ",
    "...",
    ", ",
    " = ",
    " ? ",
    " && ",
    " || ",
    " == ",
    " < ",
    "!",
    "null",
    "true",
    "false",
    "x",
    "k",
    "v",
    "upper(",
    "length(",
    "try(",
    "merge(",
    "format(\"%s %d\", ",
    "jsonencode(",
    "jsondecode(",
    "range(",
    "flatten(",
    "toset(",
    "regex(",
    "cidrsubnet(",
    "substr(",
    "slice(",
    "element(",
    "lookup(",
    "zipmap(",
    "setproduct(",
    "<<-EOT\n",
    "\nEOT\n",
    " ",
    "\"x\"",
    "\"${\"b\"}\"",
    "9999999999999999999999",
    "1e308",
    "list(",
    "object({",
    "optional(",
];

fn run(text: &str) {
    let Ok(mut node) = hcl_edit::parser::parse_expr(text) else { return };
    restore_heredocs(&mut node, text);
    let expr = Expr::new(node, SourceId(0), 0);
    let _ = evaluate(&expr, &World::default());
    let _ = constant(&expr);
    let _ = references(&expr);
    let _ = parse_reference(&expr);
    let _ = parse_type(&expr);
}

/// Expressions that parse, with parts that do not fit together.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "-2.5",
        "\"a\"",
        "\"\"",
        "null",
        "true",
        "[]",
        "{}",
        "var.text",
        "var.secret",
        "var.secret_list",
        "var.secret_object",
        "var.secret_items",
        "var.u",
        "var.u_any",
        "var.u_list",
        "var.u_map",
        "var.u_object",
        "var.u_number",
        "var.list",
        "var.map",
        "var.object",
        "var.nothing",
        "core_value.many",
        "core_value.one",
        "\"10.0.0.0/8\"",
        "\"%s\"",
        "\"/a(b)?/\"",
        "\"2020-01-01T00:00:00Z\"",
        "\"é\u{301}\"",
        "100000000000000000000",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"]),
                inner.clone()
            )
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), prop::sample::select(vec![".id", "[*]", "[*].id", ".*.name", "[0]", ".port"]))
                .prop_map(|(a, b)| format!("({a}){b}")),
            many.clone().prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{ ({a}) = {b}, z = {b} }}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| format!("[for k, v in {c} : [{a}, k, v] if {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(c, a)| format!("{{for k, v in {c} : {a} => v...}}")),
            (inner.clone(), inner.clone()).prop_map(|(c, a)| format!(
                "\"x${{~ {a} ~}} %{{ if {c} }}y%{{ endif }}%{{ for i in {c} }}${{i}}%{{ endfor }}\""
            )),
            inner.clone().prop_map(|a| format!("(!{a})")),
            (prop::sample::select(FUNCTIONS.to_vec()), many.clone(), any::<bool>()).prop_map(
                |(name, args, spread)| {
                    let dots = if spread && !args.is_empty() { "..." } else { "" };
                    format!("{name}({}{dots})", args.join(", "))
                }
            ),
        ]
    })
}

const FUNCTIONS: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "log",
    "max",
    "min",
    "pow",
    "signum",
    "parseint",
    "chomp",
    "format",
    "formatlist",
    "indent",
    "join",
    "lower",
    "title",
    "trim",
    "trimspace",
    "replace",
    "regex",
    "regexall",
    "split",
    "strrev",
    "substr",
    "startswith",
    "alltrue",
    "anytrue",
    "chunklist",
    "coalesce",
    "coalescelist",
    "compact",
    "concat",
    "contains",
    "distinct",
    "element",
    "flatten",
    "index",
    "keys",
    "length",
    "lookup",
    "matchkeys",
    "merge",
    "one",
    "reverse",
    "setintersection",
    "setproduct",
    "setsubtract",
    "setunion",
    "slice",
    "sort",
    "sum",
    "transpose",
    "values",
    "zipmap",
    "base64decode",
    "base64encode",
    "csvdecode",
    "jsondecode",
    "jsonencode",
    "urlencode",
    "yamlencode",
    "textencodebase64",
    "textdecodebase64",
    "dirname",
    "basename",
    "fileset",
    "formatdate",
    "timeadd",
    "timecmp",
    "sha256",
    "cidrhost",
    "cidrnetmask",
    "cidrsubnet",
    "cidrsubnets",
    "can",
    "try",
    "nonsensitive",
    "sensitive",
    "issensitive",
    "tobool",
    "tolist",
    "tomap",
    "tonumber",
    "toset",
    "tostring",
    "range",
    "templatestring",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..24)) {
        run(&pieces.concat());
    }

    #[test]
    fn no_expression_panics(text in expression()) {
        run(&text);
    }

    /// What a secret goes into is marked, or does not depend on it, or is an error without it.
    #[test]
    fn a_secret_leaves_marked_only(text in expression()) {
        let Ok(node) = hcl_edit::parser::parse_expr(&text) else { return Ok(()) };
        if text.contains("nonsensitive") {
            return Ok(());
        }
        let expr = Expr::new(node, SourceId(0), 0);
        match evaluate(&expr, &World::default()) {
            Ok(value) => prop_assert!(!clear_text(&value).contains("hunter2"), "{text}"),
            Err(errors) => prop_assert!(!format!("{errors:?}").contains("hunter2"), "{text}: {errors:?}"),
        }
    }
}

/// Everything that a value shows without looking behind marks.
fn clear_text(value: &mprov_sdk::Value) -> String {
    use mprov_sdk::Value;
    match value {
        Value::String(s) => s.to_string(),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().map(clear_text).collect(),
        Value::Map(o) | Value::Object(o) => o.iter().map(|(k, v)| format!("{k}{}", clear_text(v))).collect(),
        _ => String::new(),
    }
}
