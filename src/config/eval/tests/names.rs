use mprov_sdk::Diagnostic;

use super::expr;
use crate::config::eval::{parse_reference, references};
use crate::config::{Reference, ResourceId, Subject};

/// `subject.attribute` of each reference, in the order of the text.
fn found(text: &str) -> Vec<String> {
    let (references, errors) = references(&expr(text));
    assert!(errors.is_empty(), "{text}: {errors:?}");
    references.iter().map(written).collect()
}

fn written(reference: &Reference) -> String {
    let subject = match &reference.subject {
        Subject::Variable(name) => format!("var.{name}"),
        Subject::Local(name) => format!("local.{name}"),
        Subject::Resource(id) => id.to_string(),
        Subject::Module(name) => format!("module.{name}"),
        other => format!("{other:?}"),
    };
    match &reference.attribute {
        Some(attribute) => format!("{subject}+{attribute}"),
        None => subject,
    }
}

fn errors(text: &str) -> Vec<Diagnostic> {
    references(&expr(text)).1.into_iter().collect()
}

#[test]
fn every_part_of_an_expression_counts() {
    let cases: &[(&str, &[&str])] = &[
        ("1", &[]),
        ("var.a", &["var.a"]),
        ("local.a.b.c", &["local.a+b"]),
        ("core_value.x", &["core_value.x"]),
        ("core_value.x.id", &["core_value.x+id"]),
        ("core_value.x[0].id", &["core_value.x+id"]),
        ("core_value.x[*].id", &["core_value.x+id"]),
        ("core_value.x[var.i].id", &["core_value.x+id", "var.i"]),
        ("data.docker_image.base.digest", &["data.docker_image.base+digest"]),
        ("resource.docker_image.base.digest", &["docker_image.base+digest"]),
        ("module.site.url", &["module.site+url"]),
        ("module.site[\"a\"].url", &["module.site+url"]),
        ("true ? var.a : var.b", &["var.a", "var.b"]),
        ("var.a && !var.b", &["var.a", "var.b"]),
        ("[var.a, { (var.b) = var.c, d = var.e }]", &["var.a", "var.b", "var.c", "var.e"]),
        (
            "\"${var.a}%{ if var.b }${var.c}%{ else }${var.d}%{ endif }\"",
            &["var.a", "var.b", "var.c", "var.d"],
        ),
        ("\"%{ for x in var.a }${x}${var.b}%{ endfor }\"", &["var.a", "var.b"]),
        ("[for k, v in var.a : \"${k}${v}${var.b}\" if v == var.c]", &["var.a", "var.b", "var.c"]),
        ("{for x in var.a : x.id => x...}", &["var.a"]),
        ("[for x in x_y.z : x]", &["x_y.z"]),
        ("max(var.a, length(var.b)...)", &["var.a", "var.b"]),
        ("(var.a)[var.b]", &["var.a", "var.b"]),
        (
            "[each.key, each.value.x, count.index, path.module, self.id, mprov.version]",
            &[
                "Each(Key)",
                "Each(Value)+x",
                "CountIndex",
                "Path(Module)",
                "SelfObject+id",
                "Mprov(\"version\")",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text), *expected, "{text}");
    }
}

#[test]
fn bound_names_end_with_their_construct() {
    assert_eq!(errors("[[for x in [1] : x], x]")[0].code.0, 1102);
    assert_eq!(found("[for x in [1] : [for y in [x] : y + x]]"), [""; 0]);
}

#[test]
fn names_that_are_none_are_told_with_advice() {
    let cases = [
        ("foo", 1102, "at least two parts"),
        ("var", 1102, "var.hostname"),
        ("local", 1102, "local.labels"),
        ("data.x", 1102, "data.docker_image.base"),
        ("module", 1102, "module.site.url"),
        ("vars.hostname", 1102, "Did you mean \"var.hostname\"?"),
        ("locals.x", 1102, "Did you mean \"local.x\"?"),
        ("[for item in [1] : itm]", 1102, "Did you mean \"item\"?"),
        ("each.kye", 1102, ""),
        ("count.size", 1102, ""),
        ("path.home", 1102, ""),
        ("terraform.workspace", 1102, "mprov.version"),
        ("lenght(\"a\")", 1103, "Did you mean \"length\"?"),
        ("md5(\"a\")", 1103, "sha256"),
        ("upper()", 1205, "upper(str)"),
        ("upper(\"a\", \"b\")", 1205, "upper(str)"),
    ];
    for (text, code, advice) in cases {
        let found = errors(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].code.0, code, "{text}");
        assert!(found[0].detail.contains(advice), "{text}: {}", found[0].detail);
    }
}

#[test]
fn spans_are_those_of_the_text() {
    let text = "1 + upper(var.name)";
    let (references, _) = references(&expr(text));
    let span = references[0].span;
    assert_eq!(&text[span.start as usize..span.end as usize], "var.name");
}

#[test]
fn bare_references() {
    let reference = parse_reference(&expr("docker_container.web")).expect("reference");
    assert_eq!(reference.subject, Subject::Resource(ResourceId::managed("docker_container", "web")));
    assert_eq!(reference.attribute, None);
    let reference = parse_reference(&expr("docker_container.web[0].id")).expect("reference");
    assert_eq!(reference.attribute.as_deref(), Some("id"));
    let reference = parse_reference(&expr("docker_container.web[each.key]")).expect("reference");
    assert_eq!(reference.attribute, None);
    for (text, code) in [
        ("\"docker_container.web\"", 1104),
        ("docker_container.web[*].id", 1104),
        ("docker_container.web[var.i]", 1104),
        ("upper(\"a\")", 1104),
        ("[a_b.c]", 1104),
        ("docker_container", 1102),
    ] {
        assert_eq!(parse_reference(&expr(text)).expect_err(text).code.0, code, "{text}");
    }
}
