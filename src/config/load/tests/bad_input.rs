use std::fs;

use super::{Builtins, faults, load_files, load_text, places};
use crate::config::load::load;

/// Text, and the line and code of each diagnostic.
const CASES: &[(&str, &[(usize, u16)])] = &[
    // Top level.
    ("resorce \"a_b\" \"c\" {}\n", &[(1, 1011)]),
    ("terraform {\n}\n", &[(1, 1011)]),
    ("check \"x\" {\n}\n", &[(1, 1011)]),
    ("a = 1\n", &[(1, 1011)]),
    ("resource \"a_b\" {\n}\n", &[(1, 1012)]),
    ("variable {\n}\n", &[(1, 1012)]),
    ("locals \"x\" {\n}\n", &[(1, 1012)]),
    ("output \"a\" \"b\" {\n  value = 1\n}\n", &[(1, 1012)]),
    ("variable \"a b\" {\n}\n", &[(1, 1018)]),
    ("resource \"data\" \"x\" {\n}\n", &[(1, 1018)]),
    ("mprov {\n  required_version = \">= x\"\n}\n", &[(2, 1016)]),
    ("mprov {\n  required_version = \">= 99.0\"\n}\n", &[(2, 1017)]),
    ("mprov {\n  required_providers {\n  }\n}\n", &[(2, 1015)]),
    ("mprov {\n  backend \"s3\" {\n  }\n}\n", &[(2, 1013)]),
    // Variables, locals, outputs.
    ("variable \"count\" {\n}\n", &[(1, 1431)]),
    ("variable \"a\" {\n  ephemeral = true\n}\n", &[(2, 1433)]),
    ("variable \"a\" {\n  type = number\n  default = \"x\"\n}\n", &[(3, 1432)]),
    ("variable \"a\" {\n  nullable = false\n  default = null\n}\n", &[(3, 1432)]),
    ("variable \"a\" {\n  sensitive = \"maybe\"\n}\n", &[(2, 1019)]),
    ("variable \"a\" {\n  descripton = \"x\"\n}\n", &[(2, 1013)]),
    ("variable \"a\" {\n  validation {\n    condition = true\n  }\n}\n", &[(2, 1014)]),
    ("variable \"a\" {\n}\nvariable \"a\" {\n}\n", &[(3, 1340)]),
    ("locals {\n  a = 1\n}\nlocals {\n  a = 2\n}\n", &[(5, 1340)]),
    ("locals {\n  a {\n  }\n}\n", &[(2, 1013)]),
    ("output \"a\" {\n}\n", &[(1, 1014)]),
    ("output \"a\" {\n  value = 1\n}\noutput \"a\" {\n  value = 1\n}\n", &[(4, 1340)]),
    ("output \"a\" {\n  value = 1\n  depends_on = [var.x]\n}\nvariable \"x\" {}\n", &[(3, 1114)]),
    // Resources and providers.
    ("resource \"a_b\" \"c\" {\n}\nresource \"a_b\" \"c\" {\n}\n", &[(3, 1340)]),
    ("resource \"a_b\" \"c\" {\n  count = 1\n  for_each = {}\n}\n", &[(3, 1342)]),
    ("resource \"a_b\" \"c\" {\n  provisioner \"local-exec\" {\n  }\n}\n", &[(2, 1343)]),
    ("resource \"a_b\" \"c\" {\n  provider = \"a\"\n}\n", &[(2, 1341)]),
    ("resource \"a_b\" \"c\" {\n  provider = a.x\n}\n", &[(2, 1113)]),
    ("resource \"a_b\" \"c\" {\n  depends_on = a_b.d\n}\n", &[(2, 1019)]),
    ("resource \"a_b\" \"c\" {\n  lifecycle {\n  }\n  lifecycle {\n  }\n}\n", &[(4, 1015)]),
    ("resource \"a_b\" \"c\" {\n  lifecycle {\n    prevent_destory = true\n  }\n}\n", &[(3, 1013)]),
    ("resource \"a_b\" \"c\" {\n  lifecycle {\n    ignore_changes = [\"x\"]\n  }\n}\n", &[(3, 1344)]),
    ("resource \"a_b\" \"c\" {\n  lifecycle {\n    precondition = true\n  }\n}\n", &[(3, 1013)]),
    ("data \"a_b\" \"c\" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n", &[(3, 1013)]),
    ("provider \"a\" {\n}\nprovider \"a\" {\n}\n", &[(3, 1340)]),
    ("provider \"a\" {\n  alias = \"x y\"\n}\n", &[(2, 1018)]),
    ("provider \"a\" {\n  uses = [b.x]\n}\n", &[(2, 1113)]),
    // Modules.
    ("module \"a\" {\n}\n", &[(1, 1014)]),
    ("module \"a\" {\n  source = var.x\n}\n", &[(2, 1019)]),
    ("module \"a\" {\n  source = \"git::https://x\"\n}\n", &[(2, 1440)]),
    ("module \"a\" {\n  source = \"./nowhere\"\n}\n", &[(2, 1001)]),
    ("module \"a\" {\n  source = \"mprov:moodle/smal\"\n}\n", &[(2, 1444)]),
    ("module \"a\" {\n  source = \"./.\"\n  version = \"1\"\n}\n", &[(2, 1442), (3, 1441)]),
    // Moves.
    ("moved {\n  from = a_b.c\n}\n", &[(1, 1014)]),
    ("moved {\n  from = a_b.c\n  to = a_x.c\n}\n", &[(3, 1346)]),
    ("moved {\n  from = module.x\n  to = a_b.c\n}\n", &[(3, 1346)]),
    ("moved {\n  from = \"a_b.c\"\n  to = a_b.d\n}\n", &[(2, 1345)]),
    ("moved {\n  from = data.a_b.c\n  to = data.a_b.d\n}\n", &[(2, 1346), (3, 1346)]),
    ("resource \"a_b\" \"c\" {\n}\nmoved {\n  from = a_b.c\n  to = a_b.d\n}\n", &[(3, 1346)]),
    ("resource \"a_b\" \"c\" {\n  count = 1\n}\nmoved {\n  from = a_b.c\n  to = a_b.c[0]\n}\n", &[]),
    // References.
    (
        "locals {\n  a = var.b\n  c = local.d\n  e = a_b.f\n  g = module.h.i\n}\n",
        &[(2, 1101), (3, 1101), (4, 1101), (5, 1101)],
    ),
    ("locals {\n  a = each.key\n  b = count.index\n  c = self\n}\n", &[(2, 1110), (3, 1110), (4, 1110)]),
    ("resource \"a_b\" \"c\" {\n  count = count.index\n  x = each.value\n}\n", &[(2, 1110), (3, 1110)]),
    (
        "resource \"a_b\" \"c\" {\n  depends_on = [a_b.d]\n  dynamic \"x\" {\n    for_each = var.y\n    \
            content {\n      z = x.value\n    }\n  }\n}\n",
        &[(2, 1101), (4, 1101)],
    ),
    ("locals {\n  a = lenght([1])\n}\n", &[(2, 1103)]),
];

#[test]
fn each_fault_has_its_code_and_its_line() {
    let mut wrong = Vec::new();
    for (text, expected) in CASES {
        let found = faults(text);
        if found != *expected {
            let (_, sources, diagnostics) = load_text(text);
            wrong.push(format!(
                "{text}  expected {expected:?}\n  found {:#?}",
                places(&diagnostics, &sources)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn near_names_are_suggested() {
    let text = "variable \"hostname\" {}\nlocals {\n  a = var.hostnme\n}\nresorce \"a_b\" \"c\" {}\n";
    let (_, _, diagnostics) = load_text(text);
    let details: Vec<&str> = diagnostics.iter().map(|d| d.detail.as_str()).collect();
    assert_eq!(details, ["Did you mean \"resource\"?"], "an incomplete module says nothing of references");
    let (_, _, diagnostics) = load_text(&text.replace("resorce", "resource"));
    let details: Vec<&str> = diagnostics.iter().map(|d| d.detail.as_str()).collect();
    assert_eq!(details, ["Did you mean \"hostname\"?"]);
}

#[test]
fn duplicates_point_at_the_first() {
    let (_dir, (_, sources, diagnostics)) =
        load_files(&[("a.mprov.hcl", "variable \"x\" {}\n"), ("b.mprov.hcl", "\nvariable \"x\" {}\n")]);
    let found: Vec<_> = diagnostics.into_iter().collect();
    assert_eq!(found.len(), 1);
    let name = |span: mprov_sdk::Span| sources.get(span.source).name.display().to_string();
    assert_eq!(name(found[0].span.expect("a place")), "b.mprov.hcl");
    assert_eq!(name(found[0].labels[0].span), "a.mprov.hcl");
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("text.mprov.hcl"), b"locals {\n  a = \"\xff\"\n}\n").expect("a file");
    fs::create_dir(dir.path().join("folder.mprov.hcl")).expect("a folder");
    fs::write(dir.path().join("large.mprov.hcl"), vec![b'\n'; 8 * 1024 * 1024 + 1]).expect("a file");
    fs::write(dir.path().join(".hidden.mprov.hcl"), "nonsense").expect("a file");
    fs::write(dir.path().join("other.hcl"), "nonsense").expect("a file");
    let (configuration, _, diagnostics) = load(dir.path(), &Builtins);
    let found: Vec<(u16, &str)> = diagnostics.iter().map(|d| (d.code.0, d.summary.as_str())).collect();
    assert_eq!(
        found,
        [
            (1001, "folder.mprov.hcl cannot be read: it is not a regular file"),
            (1009, "large.mprov.hcl cannot be read: it is larger than 8 MiB"),
            (1002, "text.mprov.hcl cannot be read: line 2 is not UTF-8"),
        ]
    );
    assert!(configuration.is_some());
}

#[test]
fn folders_without_configuration_are_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (configuration, _, diagnostics) = load(dir.path(), &Builtins);
    assert!(configuration.is_none());
    let found: Vec<_> = diagnostics.into_iter().collect();
    assert_eq!(found[0].code.0, 1010);
    assert!(found[0].summary.contains(&dir.path().display().to_string()));
    assert!(found[0].detail.contains(".mprov.hcl"));

    let (_, _, diagnostics) = load(&dir.path().join("nowhere"), &Builtins);
    assert_eq!(diagnostics.iter().map(|d| d.code.0).collect::<Vec<_>>(), [1001]);
}
