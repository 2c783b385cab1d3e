use std::collections::BTreeMap;
use std::fs;

use mprov_sdk::{Diagnostics, Name, Value};

use super::{load_text, places};
use crate::config::Sources;
use crate::config::load::variables::{Inputs, resolve};

fn resolved(declared: &str, inputs: &Inputs) -> (BTreeMap<Name, Value>, Diagnostics) {
    let (configuration, sources, diagnostics) = load_text(declared);
    assert!(diagnostics.is_empty(), "{:?}", places(&diagnostics, &sources));
    resolve(&configuration.expect("a configuration").root, inputs)
}

fn flags(flags: &[&str]) -> Inputs {
    let mut inputs = Inputs::default();
    for flag in flags {
        inputs.flag(flag).expect(flag);
    }
    inputs
}

fn codes(diagnostics: &Diagnostics) -> Vec<u16> {
    diagnostics.iter().map(|d| d.code.0).collect()
}

#[test]
fn later_sources_win() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("a file");
    write(
        "mprov.mprovvars.hcl",
        "b = \"default file\"\nc = \"default file\"\nd = \"default file\"\ne = \"default file\"\n",
    );
    write("z.auto.mprovvars.hcl", "d = \"z\"\ne = \"z\"\n");
    write("a.auto.mprovvars.hcl", "c = \"a\"\nd = \"a\"\n");
    write("named.mprovvars.hcl", "e = \"named\"\nf = \"named\"\n");
    let mut inputs = Inputs::default();
    let mut sources = Sources::default();
    let environment: BTreeMap<String, String> =
        "abcdef".chars().map(|c| (format!("MPROV_VAR_{c}"), "environment".to_owned())).collect();
    inputs.environment(&environment);
    assert!(inputs.automatic_files(dir.path(), &mut sources).is_empty());
    inputs.flag("f=before").expect("a flag");
    assert!(inputs.file(&dir.path().join("named.mprovvars.hcl"), &mut sources).is_empty());
    inputs.flag("e=flag").expect("a flag");
    let declared: String = "abcdef".chars().map(|c| format!("variable \"{c}\" {{}}\n")).collect();
    let (values, diagnostics) = resolved(&declared, &inputs);
    assert!(diagnostics.is_empty());
    let values: Vec<&str> = values.values().filter_map(Value::as_str).collect();
    assert_eq!(values, ["environment", "default file", "a", "z", "flag", "named"]);
    assert!(sources.iter().all(|(_, file)| file.secret));
}

#[test]
fn text_means_what_the_type_says() {
    let declared = "variable \"s\" {\n  type = string\n}\nvariable \"n\" {\n  type = \
        number\n}\nvariable \"l\" {\n  type = list(string)\n}\nvariable \"any\" {}\nvariable \"o\" {}\n";
    let (values, diagnostics) =
        resolved(declared, &flags(&["s=[1]", "n=5", "l=[\"a\", upper(\"b\")]", "any=true", "o={ a = 1 }"]));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(values["s"], "[1]".into());
    assert_eq!(values["n"], 5.into());
    assert_eq!(values["l"], Value::list(["a".into(), "B".into()]));
    assert_eq!(values["any"], "true".into());
    assert_eq!(values["o"], Value::object([("a", Value::from(1))]));
}

#[test]
fn values_that_do_not_fit_are_errors_without_the_value() {
    let declared = "variable \"n\" {\n  type = number\n}\nvariable \"l\" {\n  type = list(string)\n}\n";
    let (_, diagnostics) = resolved(declared, &flags(&["n=hunter2", "l=[hunter2("]));
    assert_eq!(codes(&diagnostics), [1437, 1437]);
    assert!(!format!("{diagnostics:?}").contains("hunter2"));
}

#[test]
fn missing_values_are_asked_for_with_their_description() {
    let declared =
        "variable \"a\" {\n  description = \"Name of the site.\"\n}\nvariable \"b\" {\n  default = 1\n}\n";
    let (values, diagnostics) = resolved(declared, &Inputs::default());
    assert_eq!(codes(&diagnostics), [1436]);
    let detail = &diagnostics.iter().next().expect("one").detail;
    assert!(detail.contains("Name of the site.") && detail.contains("MPROV_VAR_a"), "{detail}");
    assert_eq!(values["b"], 1.into());
}

#[test]
fn null_falls_back_or_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.mprovvars.hcl");
    fs::write(&path, "a = null\nb = null\nc = null\n").expect("a file");
    let mut inputs = Inputs::default();
    assert!(inputs.file(&path, &mut Sources::default()).is_empty());
    let declared = "variable \"a\" {\n  default = 1\n}\nvariable \"b\" {\n  default = 2\n  nullable = \
        false\n}\nvariable \"c\" {\n  nullable = false\n}\n";
    let (values, diagnostics) = resolved(declared, &inputs);
    assert_eq!(codes(&diagnostics), [1439]);
    assert_eq!((&values["a"], &values["b"]), (&Value::Null, &2.into()));
}

#[test]
fn undeclared_names_weigh_by_where_they_come_from() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.mprovvars.hcl");
    fs::write(&path, "other = 1\n").expect("a file");
    let mut inputs = Inputs::default();
    inputs.environment(&BTreeMap::from([("MPROV_VAR_shell".to_owned(), "x".to_owned())]));
    assert!(inputs.file(&path, &mut Sources::default()).is_empty());
    inputs.flag("hostnam=x").expect("a flag");
    let (_, diagnostics) = resolved("variable \"hostname\" {\n  default = 1\n}\n", &inputs);
    let found: Vec<_> =
        diagnostics.iter().map(|d| (d.is_error(), d.summary.as_str(), d.detail.as_str())).collect();
    assert!(!found[0].0);
    assert_eq!(
        found[1],
        (true, "there is no variable \"hostnam\", but -var gives it a value", "Did you mean \"hostname\"?")
    );
    assert_eq!(found.len(), 2);
}

#[test]
fn sensitive_variables_are_marked() {
    let declared =
        "variable \"a\" {\n  sensitive = true\n}\nvariable \"b\" {\n  sensitive = true\n  default = 1\n}\n";
    let (values, _) = resolved(declared, &flags(&["a=x"]));
    assert!(values.values().all(Value::contains_sensitive));
}

#[test]
fn malformed_flags_and_files_are_refused() {
    let mut inputs = Inputs::default();
    assert_eq!(inputs.flag("novalue").expect_err("no sign").code.0, 1430);
    assert_eq!(inputs.flag("a b=1").expect_err("no name").code.0, 1430);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.mprovvars.hcl");
    fs::write(&path, "variable \"a\" {}\nb = var.c\nd = 1\nd = 2\ne = \"open\n").expect("a file");
    let mut sources = Sources::default();
    let diagnostics = inputs.file(&path, &mut sources).sorted();
    assert_eq!(codes(&diagnostics), [1011, 1105, 1008, 1004]);
    assert_eq!(codes(&inputs.file(&dir.path().join("nowhere"), &mut sources)), [1001]);
}
