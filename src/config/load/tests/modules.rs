use std::sync::Arc;

use super::{good, load_files, places};
use crate::config::load::{load_snapshot, snapshot};
use crate::config::{ProviderRef, Repeat};

/// What the diagnostics of these files are, with their places.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let (_dir, (_, sources, diagnostics)) = load_files(files);
    places(&diagnostics, &sources)
}

#[test]
fn modules_are_found_from_where_they_are_called() {
    let configuration = good(&[
        (
            "main.mprov.hcl",
            "module \"a\" {\n  source = \"./modules/a\"\n}\nmodule \"own\" {\n  source = \
                \"mprov:moodle/small\"\n}\noutput \"u\" {\n  value = module.own.url\n}\n",
        ),
        (
            "modules/a/main.mprov.hcl",
            "module \"b\" {\n  source   = \"../b\"\n  for_each = toset([\"x\"])\n  name     = \
                each.key\n}\nmodule \"c\" {\n  source = \"../b\"\n  name   = \"c\"\n}\n",
        ),
        ("modules/b/main.mprov.hcl", "variable \"name\" {}\n"),
    ]);
    let a = &configuration.root.calls["a"].module;
    assert_eq!(a.dir.to_str(), Some("modules/a"));
    assert_eq!(configuration.root.dir.to_str(), Some("."));
    assert!(matches!(a.calls["b"].repeat, Repeat::ForEach(_)));
    assert!(Arc::ptr_eq(&a.calls["b"].module, &a.calls["c"].module), "each place is loaded once");
    let own = &configuration.root.calls["own"].module;
    assert_eq!(own.dir.to_str(), Some("mprov:moodle/small"));
    assert_eq!(own.calls["db"].module.dir.to_str(), Some("mprov:moodle/db"));
}

#[test]
fn rounds_of_calls_are_named() {
    let found = found(&[
        ("main.mprov.hcl", "module \"a\" {\n  source = \"./a\"\n}\n"),
        ("a/main.mprov.hcl", "module \"b\" {\n  source = \"../b\"\n}\n"),
        ("b/main.mprov.hcl", "\nmodule \"a\" {\n  source = \"../a\"\n}\n"),
    ]);
    assert_eq!(found, ["b/main.mprov.hcl:3 MP1442 this module calls itself"]);
}

#[test]
fn depth_and_number_of_modules_are_limited() {
    let level = |n: usize, calls: usize| {
        let call = |c: usize| format!("module \"m{c}\" {{\n  source = \"../d{}\"\n}}\n", n + 1);
        (format!("d{n}/main.mprov.hcl"), (0..calls).map(call).collect::<String>())
    };
    let folder = |depth: usize, calls: usize| {
        let mut files: Vec<(String, String)> = (0..depth).map(|n| level(n, calls)).collect();
        files.push((format!("d{depth}/main.mprov.hcl"), "locals {}\n".into()));
        files.push(("main.mprov.hcl".into(), "module \"m\" {\n  source = \"./d0\"\n}\n".into()));
        files
    };
    let load = |files: Vec<(String, String)>| {
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        found(&files)
    };
    assert_eq!(load(folder(31, 1)), [] as [&str; 0]);
    let deep = load(folder(32, 1));
    assert!(deep.len() == 1 && deep[0].contains("MP1443"), "{deep:?}");
    let wide = load(folder(20, 2));
    assert!(!wide.is_empty() && wide.iter().all(|f| f.contains("MP1443")), "{wide:?}");
}

#[test]
fn calls_are_checked_against_variables_and_outputs() {
    let found = found(&[
        (
            "main.mprov.hcl",
            "module \"a\" {\n  source = \"./a\"\n  hostnme = 1\n}\nlocals {\n  x = module.a.urll\n  y = \
                module.a.url\n}\n",
        ),
        (
            "a/main.mprov.hcl",
            "variable \"hostname\" {}\nvariable \"size\" {\n  default = 1\n}\noutput \"url\" {\n  value \
                = 1\n}\n",
        ),
    ]);
    assert_eq!(
        found,
        [
            "main.mprov.hcl:1 MP1435 module \"a\" needs the argument \"hostname\"",
            "main.mprov.hcl:3 MP1434 module \"a\" has no variable \"hostnme\"",
            "main.mprov.hcl:6 MP1112 module \"a\" has no output \"urll\"",
        ]
    );
}

#[test]
fn provider_configurations_come_through_calls() {
    let child = "resource \"a_b\" \"c\" {\n  provider = a.x\n}\n";
    let root = "provider \"a\" {\n  alias = \"main\"\n}\nmodule \"m\" {\n  source = \"./m\"\n  \
        providers = { a.x = a.main }\n}\n";
    let configuration = good(&[("main.mprov.hcl", root), ("m/main.mprov.hcl", child)]);
    let inner = ProviderRef { name: "a".into(), alias: Some("x".into()) };
    assert_eq!(configuration.root.calls["m"].providers[&inner].0.to_string(), "a.main");

    let unpassed = root.replace("  providers = { a.x = a.main }\n", "");
    assert_eq!(
        found(&[("main.mprov.hcl", &unpassed), ("m/main.mprov.hcl", child)]),
        ["m/main.mprov.hcl:2 MP1113 there is no provider configuration \"a.x\""]
    );
    let unknown = root.replace("a.main }", "a.other }");
    assert_eq!(
        found(&[("main.mprov.hcl", &unknown), ("m/main.mprov.hcl", child)]),
        ["main.mprov.hcl:6 MP1113 there is no provider configuration \"a.other\""]
    );
}

#[test]
fn a_snapshot_loads_as_the_folder_did() {
    let (_dir, (configuration, sources, diagnostics)) = load_files(&[
        (
            "main.mprov.hcl",
            "\u{feff}module \"a\" {\n  source = \"./a\"\n}\nmodule \"own\" {\n  source = \
                \"mprov:moodle/small\"\n}\nlocals {\n  x = var.missing\n}\n",
        ),
        ("a/b.mprov.hcl", "resource \"a_b\" \"c\" {\n  x = 1\n}\n"),
        ("a/a.mprov.hcl", "output \"o\" {\n  value = a_b.c.x\n}\n"),
    ]);
    let kept = snapshot(&sources);
    let (again, sources_again, diagnostics_again) = load_snapshot(&kept);
    assert_eq!(diagnostics, diagnostics_again);
    assert_eq!(snapshot(&sources_again), kept);
    let names = |s: &crate::config::Sources| s.iter().map(|(_, f)| f.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&sources), names(&sources_again));
    let root = |c: Option<crate::config::Configuration>| format!("{:?}", c.expect("a configuration").root);
    assert_eq!(root(configuration), root(again));
}
