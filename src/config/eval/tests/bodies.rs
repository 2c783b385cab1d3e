use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::parser::parse_body;
use hcl_edit::structure as hcl;
use mprov_sdk::{Attribute, Diagnostics, Field, Object, Schema, SourceId, Type, Value};

use super::show;
use super::world::World;
use crate::config::eval::{body_references, evaluate_body, static_check_body};
use crate::config::expression::place;
use crate::config::{Argument, Body, Expr, NestedBlock};

const SOURCE: SourceId = SourceId(0);

/// A body as the loader would hand it over.
fn body(text: &str) -> Body {
    convert(parse_body(text).unwrap_or_else(|e| panic!("{text}: {e}")))
}

fn convert(parsed: hcl::Body) -> Body {
    let mut arguments = BTreeMap::new();
    let mut blocks = Vec::new();
    for structure in parsed {
        match structure {
            hcl::Structure::Attribute(a) => {
                let name_span = place(SOURCE, 0, a.key.span());
                arguments.insert(
                    a.key.as_str().into(),
                    Argument { expr: Expr::new(a.value, SOURCE, 0), name_span },
                );
            }
            hcl::Structure::Block(b) => blocks.push(NestedBlock {
                name: b.ident.as_str().into(),
                labels: b.labels.iter().map(|l| l.as_str().into()).collect(),
                span: place(SOURCE, 0, b.ident.span()),
                body: convert(b.body),
            }),
        }
    }
    Body { arguments, blocks, span: place(SOURCE, 0, Some(0..0)) }
}

fn schema() -> Schema {
    let port = [
        ("internal", Field::required(Type::Number)),
        ("protocol", Field::with_default(Type::String, "tcp")),
        ("options", Field::optional(Type::list(Type::object([("name", Field::required(Type::String))])))),
        ("limits", Field::optional(Type::object([("cpu", Field::optional(Type::Number))]))),
    ];
    Schema::new(
        "test_thing",
        "",
        [
            ("name", Attribute::required(Type::String, "")),
            ("size", Attribute::optional(Type::Number, "").default(10)),
            ("labels", Attribute::optional(Type::map(Type::String), "")),
            ("tags", Attribute::optional(Type::set(Type::String), "")),
            (
                "rules",
                Attribute::optional(Type::list(Type::object([("port", Field::required(Type::Number))])), ""),
            ),
            ("password", Attribute::optional(Type::String, "").sensitive()),
            ("host", Attribute::optional_computed(Type::String, "")),
            ("id", Attribute::computed(Type::String, "")),
            ("port", Attribute::blocks(port, "")),
            ("health", Attribute::block([("path", Field::required(Type::String))], "")),
        ],
    )
}

fn evaluated(text: &str) -> Result<Object, Diagnostics> {
    evaluate_body(&body(text), &schema(), &World::default())
}

fn attribute(text: &str, name: &str) -> String {
    show(&evaluated(text).unwrap_or_else(|e| panic!("{text}\n{e:?}"))[name])
}

/// The codes of all errors with the texts they point at.
fn errors(text: &str) -> Vec<String> {
    let errors = evaluated(text).expect_err(text);
    let shown = |d: &mprov_sdk::Diagnostic| {
        let span = d.span.expect("a span");
        format!("{} {}", d.code, &text[span.start as usize..span.end as usize])
    };
    errors.iter().map(shown).collect()
}

#[test]
fn every_settable_attribute_is_there() {
    let object = evaluated("name = \"a\"").expect("object");
    let all = Value::from(object.clone());
    assert_eq!(
        show(&all),
        "{health = null, host = null, labels = null, name = \"a\", password = null, port = null, rules = null, \
         size = 10, tags = null}"
    );
    assert!(!object.contains("id"));
}

#[test]
fn arguments_are_converted_and_marked() {
    assert_eq!(attribute("name = 5", "name"), "\"5\"");
    assert_eq!(attribute("name = \"a\"\nsize = \"7\"", "size"), "7");
    assert_eq!(attribute("name = \"a\"\nsize = null", "size"), "10");
    assert_eq!(
        attribute("name = \"a\"\nlabels = { x = 1, y = true }", "labels"),
        "map{x = \"1\", y = \"true\"}"
    );
    assert_eq!(attribute("name = \"a\"\ntags = [\"b\", \"a\", \"b\"]", "tags"), "set[\"a\", \"b\"]");
    assert_eq!(attribute("name = \"a\"\npassword = \"x\"", "password"), "sensitive(\"x\")");
    assert_eq!(attribute("name = \"a\"\nsize = sensitive(3)", "size"), "sensitive(3)");
    assert_eq!(attribute("name = var.u", "name"), "unknown(string)");
    assert_eq!(attribute("name = \"a\"\nsize = var.u", "size"), "unknown(number)");
    assert_eq!(attribute("name = \"a\"\nlabels = { x = var.u }", "labels"), "map{x = unknown(string)}");
}

#[test]
fn blocks_become_lists_and_objects() {
    let text = "name = \"a\"\nport {\n internal = \"80\"\n}\nport {\n internal = 81\n protocol = \"udp\"\n limits {\n cpu = 2\n }\n options {\n name = \"x\"\n }\n options {\n name = \"y\"\n }\n}";
    assert_eq!(
        attribute(text, "port"),
        "list[{internal = 80, limits = null, options = null, protocol = \"tcp\"}, \
         {internal = 81, limits = {cpu = 2}, options = list[{name = \"x\"}, {name = \"y\"}], protocol = \"udp\"}]"
    );
    assert_eq!(attribute("name = \"a\"\nhealth {\n path = \"/\"\n}", "health"), "{path = \"/\"}");
}

#[test]
fn dynamic_blocks_repeat_their_content() {
    let dynamic = |inside: &str| format!("name = \"a\"\ndynamic \"port\" {{\n{inside}\n}}");
    let short = |text: &str| {
        attribute(&dynamic(text), "port").replace(", limits = null, options = null, protocol = \"tcp\"", "")
    };
    assert_eq!(
        short("for_each = [80, 81]\ncontent {\ninternal = port.value\n}"),
        "list[{internal = 80}, {internal = 81}]"
    );
    assert_eq!(
        short("for_each = { a = 1 }\niterator = p\ncontent {\ninternal = p.value\nprotocol = p.key\n}"),
        "list[{internal = 1, limits = null, options = null, protocol = \"a\"}]"
    );
    assert_eq!(short("for_each = toset([\"7\"])\ncontent {\ninternal = port.key\n}"), "list[{internal = 7}]");
    assert_eq!(short("for_each = []\ncontent {\ninternal = port.value\n}"), "null");
    assert_eq!(
        short("for_each = sensitive([80])\ncontent {\ninternal = port.value\n}"),
        "sensitive(list[{internal = 80}])"
    );
    assert!(short("for_each = var.u_list\ncontent {\ninternal = 1\n}").starts_with("unknown(list(object"));
    assert_eq!(
        short("for_each = [var.u]\ncontent {\ninternal = port.value\n}"),
        "list[{internal = unknown(number)}]"
    );
    let nested = "for_each = [[\"x\", \"y\"]]\ncontent {\ninternal = 1\ndynamic \"options\" {\nfor_each = port.value\ncontent {\nname = \"${options.value}${port.key}\"\n}\n}\n}";
    assert_eq!(
        short(nested),
        "list[{internal = 1, limits = null, options = list[{name = \"x0\"}, {name = \"y0\"}], protocol = \"tcp\"}]"
    );
    let mixed = "name = \"a\"\nport {\ninternal = 1\n}\ndynamic \"port\" {\nfor_each = [2]\ncontent {\ninternal = port.value\n}\n}\nport {\ninternal = 3\n}";
    let found = evaluated(mixed).expect("object");
    let internals: Vec<String> =
        found.blocks("port").expect("ports").iter().map(|p| show(&p["internal"])).collect();
    assert_eq!(internals, ["1", "2", "3"]);
}

#[test]
fn mistakes_are_told_each_at_its_place() {
    assert_eq!(errors("size = 1"), ["MP1303 "]);
    assert_eq!(errors("name = null"), ["MP1303 null"]);
    assert_eq!(errors("name = \"a\"\nsiz = 1"), ["MP1301 siz"]);
    assert_eq!(errors("name = \"a\"\nprt {\n}"), ["MP1302 prt"]);
    assert_eq!(errors("name = \"a\"\nid = \"x\""), ["MP1304 id"]);
    assert_eq!(errors("name = \"a\"\nport = []"), ["MP1305 port"]);
    assert_eq!(errors("name = \"a\"\nlabels {\n}"), ["MP1305 labels"]);
    assert_eq!(errors("name = \"a\"\nport \"x\" {\ninternal = 1\n}"), ["MP1302 port"]);
    assert_eq!(errors("name = \"a\"\nsize = \"x\""), ["MP1306 \"x\""]);
    assert_eq!(errors("name = \"a\"\nrules = [{ port = 1 }, { port = \"x\" }]"), ["MP1306 \"x\""]);
    assert_eq!(errors("name = \"a\"\nlabels = { a = [1] }"), ["MP1306 [1]"]);
    assert_eq!(errors("name = \"a\"\nrules = [{}]"), ["MP1306 {}"]);
    assert_eq!(
        errors("name = \"a\"\nhealth {\npath = \"/\"\n}\nhealth {\npath = \"/\"\n}"),
        ["MP1307 health"]
    );
    assert_eq!(errors("name = \"a\"\nport {\n}"), ["MP1303 "]);
    assert_eq!(errors("name = \"a\"\nport {\ninternal = 1\nnosuch = 2\n}"), ["MP1301 nosuch"]);
    assert_eq!(errors("name = \"a\"\nport {\ninternal = 1\nlimits {\n}\nlimits = {}\n}"), ["MP1305 limits"]);
    assert_eq!(errors("name = var.missing\nsize = 1 / 0"), ["MP1101 var.missing", "MP1207 1 / 0"]);
    let many = "nam = \"a\"\nsize = \"x\"\nport {\ninternal = \"y\"\n}";
    assert_eq!(errors(many), ["MP1303 ", "MP1301 nam", "MP1306 \"x\"", "MP1306 \"y\""]);
}

#[test]
fn mistakes_in_dynamic_blocks() {
    let dynamic = |inside: &str| errors(&format!("name = \"a\"\ndynamic \"port\" {{\n{inside}\n}}"));
    assert_eq!(dynamic("content {\ninternal = 1\n}"), ["MP1308 dynamic"]);
    assert_eq!(dynamic("for_each = [1]"), ["MP1308 dynamic"]);
    assert_eq!(dynamic("for_each = null\ncontent {\ninternal = 1\n}"), ["MP1308 null"]);
    assert_eq!(dynamic("for_each = 5\ncontent {\ninternal = 1\n}"), ["MP1308 5"]);
    assert_eq!(dynamic("for_each = [1]\niterator = \"x\"\ncontent {\ninternal = 1\n}"), ["MP1308 \"x\""]);
    assert_eq!(dynamic("for_each = [1]\ninternal = 1\ncontent {\ninternal = 1\n}"), ["MP1308 internal"]);
    assert_eq!(dynamic("for_each = [1]\ncontent {\n}"), ["MP1303 "]);
    assert_eq!(dynamic("for_each = [\"x\"]\ncontent {\ninternal = port.value\n}"), ["MP1306 port.value"]);
    assert_eq!(dynamic("for_each = [\"x\"]\ncontent {\ninternal = prt.value\n}"), ["MP1102 prt"]);
    assert_eq!(errors("name = \"a\"\ndynamic \"prt\" {\nfor_each = []\ncontent {\n}\n}"), ["MP1302 dynamic"]);
}

#[test]
fn the_static_check_needs_no_values() {
    let codes = |text: &str| -> Vec<String> {
        static_check_body(&body(text), &schema()).iter().map(|d| d.code.to_string()).collect()
    };
    assert_eq!(codes("name = var.anything"), [""; 0]);
    assert_eq!(codes("name = file(\"nosuch\")"), [""; 0]);
    assert_eq!(codes("name = [1]"), ["MP1306"]);
    assert_eq!(codes("size = \"x\""), ["MP1303", "MP1306"]);
    assert_eq!(codes("name = \"a\"\nport {\ninternal = \"x\"\n}"), ["MP1306"]);
    assert_eq!(
        codes("name = \"a\"\ndynamic \"port\" {\nfor_each = var.x\ncontent {\nintrnal = 1\n}\n}"),
        ["MP1301", "MP1303"]
    );
    let advice = static_check_body(&body("nmae = \"a\""), &schema());
    assert!(advice.iter().any(|d| d.detail.contains("Did you mean \"name\"?")), "{advice:?}");
}

#[test]
fn references_of_a_body() {
    let text = "name = var.a\nport {\ninternal = var.b\n}\ndynamic \"port\" {\nfor_each = var.c\niterator = entry\ncontent {\ninternal = entry.value + var.d\nprotocol = entri.value\n}\n}";
    let (references, errors) = body_references(&body(text));
    let mut names: Vec<&str> =
        references.iter().map(|r| &text[r.span.start as usize..r.span.end as usize]).collect();
    names.sort_unstable();
    assert_eq!(names, ["var.a", "var.b", "var.c", "var.d"]);
    assert_eq!(errors.len(), 1);
}

#[test]
fn errors_of_a_body_tell_no_secret() {
    for text in [
        "name = \"a\"\nlabels = var.secret_object",
        "name = \"a\"\nlabels = { for k, v in var.secret_object : k => v }",
        "name = \"a\"\nrules = [var.secret_object]",
        "name = \"a\"\ndynamic \"port\" {\nfor_each = var.secret_items\ncontent {\ninternal = port.value\n}\n}",
        "name = \"a\"\ndynamic \"port\" {\nfor_each = var.secret_object\ncontent {\ninternal = { (port.key) = 1 }.x\n}\n}",
    ] {
        let errors = evaluated(text).expect_err(text);
        assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    }
}
