use mprov_sdk::Type;

use super::{check, expr};
use crate::config::eval::parse_type;

#[test]
fn conversions() {
    check(&[
        (r#"tolist([true,1,"a"])"#, r#"list["true", "1", "a"]"#),
        (r#"can(1/"a")"#, "false"),
        ("can(1)", "true"),
        (r#"try(tonumber("x"),"d")"#, r#""d""#),
        (r#"try({a=1}.b,"d")"#, r#""d""#),
        (r#"try(1/"a",{}.b)"#, "MP1206"),
        (r#"nonsensitive(sensitive("a"))"#, r#""a""#),
        (r#"issensitive(sensitive("a"))"#, "true"),
        (r#"issensitive("a")"#, "false"),
        (r#"tobool("true")"#, "true"),
        (r#"tobool("1")"#, "true"),
        (r#"tobool("yes")"#, "MP1206"),
        ("tobool(1)", "MP1206"),
        (r#"tonumber("1.50")"#, "1.5"),
        (r#"tonumber("")"#, "MP1206"),
        (r#"tonumber("0x10")"#, "MP1206"),
        ("tonumber(true)", "MP1206"),
        ("tostring(true)", r#""true""#),
        ("tostring(1.0)", r#""1""#),
        ("tostring([])", "MP1206"),
        (r#"tolist(["a",1])"#, r#"list["a", "1"]"#),
        ("tolist([true,1])", "MP1206"),
        ("tolist({a=1})", "MP1206"),
        (r#"tolist("a")"#, "MP1206"),
        ("tolist(null)", "null"),
        (r#"toset(["b","a","b"])"#, r#"set["a", "b"]"#),
        (r#"toset([1,"1"])"#, r#"set["1"]"#),
        (r#"tomap({a=1,b="x"})"#, r#"map{a = "1", b = "x"}"#),
        ("tomap({a=1,b=[1]})", "MP1206"),
        ("tomap([])", "MP1206"),
        ("toset([{a=1},{a=1}])", "set[{a = 1}]"),
        (r#"toset(["a"]) == toset(["a"])"#, "true"),
        ("tolist(toset([3,1,2]))", "list[1, 2, 3]"),
        ("toset([])", "set[]"),
        ("tomap({})", "map{}"),
        (r#"tonumber("1e3")"#, "1000"),
        (r#"tonumber(" 1")"#, "MP1206"),
        ("tostring(null)", "null"),
        ("tobool(null)", "null"),
        (r#"tobool("TRUE")"#, "MP1206"),
        (r#"issensitive([sensitive("a")])"#, "false"),
        (r#"nonsensitive("a")"#, r#""a""#),
    ]);
}

#[test]
fn type_expressions() {
    let cases = [
        ("string", "string"),
        ("any", "any"),
        ("list(string)", "list(string)"),
        ("set(map(number))", "set(map(number))"),
        ("tuple([string, list(bool)])", "tuple([string, list(bool)])"),
        ("object({})", "object({})"),
        ("object({ a = string, \"b\" = optional(number, 3) })", "object({a=string, b=optional(number)})"),
        ("list(object({ a = optional(any) }))", "list(object({a=optional(any)}))"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_type(&expr(text)).expect(text).to_string(), expected);
    }
    let Type::Object(fields) = parse_type(&expr("object({ b = optional(number, \"3\") })")).expect("type")
    else {
        panic!("an object type");
    };
    assert_eq!(fields["b"].default, Some(3.into()));
}

#[test]
fn malformed_types_are_told_with_advice() {
    let cases = [
        ("\"string\"", "without quotes"),
        ("strng", "Did you mean \"string\"?"),
        ("list", "list(string)"),
        ("list()", ""),
        ("list(string, number)", ""),
        ("map(\"string\")", "without quotes"),
        ("object(string)", "object({ name = string })"),
        ("tuple(string)", "tuple([string, number])"),
        ("optional(string)", "object("),
        ("object({ a = optional(number, \"x\") })", ""),
        ("object({ a = optional(number, var.x) })", ""),
        ("string(5)", "takes no arguments"),
        ("5", ""),
    ];
    for (text, advice) in cases {
        let error = parse_type(&expr(text)).expect_err(text);
        assert!(error.detail.contains(advice), "{text}: {}", error.detail);
    }
}
