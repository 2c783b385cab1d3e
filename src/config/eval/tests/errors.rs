use mprov_sdk::Diagnostic;

use super::world::World;
use super::{check, expr};
use crate::config::eval::evaluate;

fn errors(text: &str) -> Vec<Diagnostic> {
    evaluate(&expr(text), &World::default()).expect_err(text).into_iter().collect()
}

/// The text that the first error points at.
fn place(text: &str) -> &str {
    let span = errors(text)[0].span.expect("a span");
    &text[span.start as usize..span.end as usize]
}

#[test]
fn errors_point_at_the_smallest_expression() {
    assert_eq!(place("[1, 2 + \"x\"]"), "\"x\"");
    assert_eq!(place("upper([1])"), "[1]");
    assert_eq!(place("upper(\"a\", nosuch(1))"), "nosuch");
    assert_eq!(place("{ a = var.missing.b }"), "var.missing.b");
    assert_eq!(place("var.object.nam"), ".nam");
    assert_eq!(place("var.list[7]"), "[7]");
    assert_eq!(place("\"a${[]}b\""), "[]");
    assert_eq!(place("true ? 1 : [2]"), "true ? 1 : [2]");
}

#[test]
fn several_errors_are_told_at_once() {
    assert_eq!(errors("[1 + \"x\", upper([]), var.missing]").len(), 3);
    assert_eq!(errors("{ a = 1 / 0, b = !5 }").len(), 2);
    assert_eq!(errors("max(\"a\", \"b\")").len(), 2);
    assert_eq!(errors("\"${[]} ${null}\"").len(), 2);
}

#[test]
fn values_of_names_are_told_when_they_are_short() {
    let told = |text: &str| errors(text)[0].detail.clone();
    assert!(told("var.text + 1").contains("Here var.text is \"text\"."), "{}", told("var.text + 1"));
    assert!(told("[for x in [\"a\"] : x + 1]").contains("x is \"a\""));
    assert!(told("var.list[var.number]").contains("var.number is 5"));
    assert!(told("regex(\"z\", var.text)").contains("var.text is \"text\""));
}

#[test]
fn secrets_are_in_no_error() {
    for text in [
        "var.secret + 1",
        "var.secret.x",
        "var.secret[0]",
        "var.map[var.secret]",
        "regex(\"z\", var.secret)",
        "jsondecode(var.secret)",
        "formatdate(\"YYYY\", var.secret)",
        "timeadd(plantimestamp(), var.secret)",
        "cidrhost(var.secret, 1)",
        "file(var.secret)",
        "templatefile(var.secret, {})",
        "lookup({}, var.secret)",
        "parseint(var.secret, 10)",
        "try(cidrhost(var.secret, 1), tonumber(var.secret))",
        "{for x in [1, 2] : var.secret => x}",
        "format(\"%d\", var.secret)",
        "[var.secret][var.secret]",
        "var.secret ? 1 : 2",
        "regex(var.secret, \"x\")",
        "tonumber(var.secret)",
        "nosuch(var.secret)",
        "coalesce(var.secret, []) + 1",
        "\"a\" + var.secret",
        "{ (var.secret) = 1 }.x",
        "{ (var.secret) = 1 }[\"x\"]",
        "[for s in [var.secret] : s + 1]",
        "[for s in sensitive([\"hunter2\"]) : s + 1]",
        "[for s in sensitive([\"hunter2\"]) : [for t in [s] : cidrhost(t, 1)]]",
        "[for s in sensitive([\"hunter2\"]) : { a = 1 }[s]]",
        "[for s in sensitive([\"hunter2\"]) : core_value.many[s]]",
        "[for s in sensitive([\"hunter2\"]) : { for t in [1, 2] : s => t }]",
        "[for s in sensitive([\"hunter2\"]) : { (s) = 1 }.x]",
        "\"%{ for s in sensitive([\"hunter2\"]) }${parseint(s, 10)}%{ endfor }\"",
        "{ (var.secret) = 1 }[*].x",
        "{ (var.secret) = 1 }.*.x",
        "transpose(var.secret_object)",
        "tomap(var.secret_object)",
        "true ? var.secret_object : 1",
        "[for o in [var.secret_object] : true ? o : 1]",
        "[for k, v in var.secret_object : true ? { (k) = v } : 1]",
        "[for k, v in var.secret_object : transpose({ (k) = 1 })]",
        "cidrhost(var.secret_items...)",
        "templatestring(var.template, sensitive({ name = [\"hunter2\"], loud = true }))",
    ] {
        let text = format!("{errors:?}", errors = errors(text));
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn codes_of_errors() {
    check(&[
        ("var.missing", "MP1101"),
        ("foo", "MP1102"),
        ("nosuch()", "MP1103"),
        ("1 + \"x\"", "MP1201"),
        ("1 + null", "MP1202"),
        ("var.object.x", "MP1203"),
        ("var.nothing.x", "MP1202"),
        ("var.list.x", "MP1203"),
        ("var.list[9]", "MP1204"),
        ("upper()", "MP1205"),
        ("regex(\"z\", \"a\")", "MP1206"),
        ("1 / 0", "MP1207"),
        ("5 % 0", "MP1207"),
        ("true ? 1 : []", "MP1208"),
        ("{for x in [1, 1] : \"k\" => x}", "MP1209"),
        ("range(10000000)", "MP1210"),
        ("[for x in 5 : x]", "MP1211"),
        ("[for x in var.u_bool : x]", "MP1211"),
        ("\"x${[]}\"", "MP1213"),
        ("{ var.text.a = 1 }", "MP1204"),
    ]);
}

#[test]
fn an_error_in_a_branch_that_is_not_taken_does_not_matter() {
    check(&[
        ("true ? 1 : 1 / 0", "1"),
        ("var.nothing == null ? \"none\" : var.nothing.x", "\"none\""),
        ("var.nothing != null && var.nothing.x", "false"),
        ("var.nothing == null || var.nothing.x", "true"),
        ("var.u_bool ? 1 : 1 / 0", "MP1207"),
    ]);
}
