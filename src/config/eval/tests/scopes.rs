use std::fs;

use super::world::World;
use super::{check, expr, show};
use crate::config::eval::evaluate;

#[test]
fn references_get_their_values_from_the_scope() {
    check(&[
        ("var.object.port + 1", "81"),
        ("core_value.one.id", "\"i-7\""),
        ("core_value.many[1].id", "\"i-1\""),
        ("core_value.many.1.id", "\"i-1\""),
        ("core_value.many[count.index].id", "\"i-2\""),
        ("core_value.many[3]", "MP1111"),
        ("core_value.many[*].index", "[0, 1, 2]"),
        ("core_value.many[var.u].id", "unknown(any)"),
        ("[for v in core_value.many : v.id if v.index > 0]", "[\"i-1\", \"i-2\"]"),
        ("length(core_value.many)", "3"),
        ("module.site.url", "\"https://x\""),
        ("\"${each.key}-${each.value.size}\"", "\"key-3\""),
        ("path.module", "\"modules/site\""),
        ("self.id", "\"self\""),
        ("mprov.version", "\"0.1.0\""),
        ("[for var in [1] : var]", "[1]"),
    ]);
}

#[test]
fn one_instance_never_makes_the_collection_of_all() {
    let world = World::default();
    evaluate(&expr("core_value.many[2].id"), &world).expect("value");
    let asked = world.asked.borrow();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(" at "), "{asked:?}");
}

#[test]
fn times_come_from_the_scope() {
    check(&[
        ("plantimestamp()", "\"2026-11-23T10:00:00Z\""),
        ("formatdate(\"YYYY\", plantimestamp())", "\"2026\""),
        ("timestamp()", "unknown(string)"),
    ]);
    let world = World { apply_time: Some("2026-11-24T00:00:00Z".into()), ..World::default() };
    let value = evaluate(&expr("timestamp()"), &world).expect("value");
    assert_eq!(show(&value), "\"2026-11-24T00:00:00Z\"");
}

#[test]
fn files_are_relative_to_the_root_module() {
    let folder = tempfile::tempdir().expect("folder");
    let base = folder.path();
    fs::create_dir_all(base.join("conf/sub")).expect("folders");
    fs::write(base.join("conf/a.txt"), "hello\n").expect("file");
    fs::write(base.join("conf/b.ini"), "x=1").expect("file");
    fs::write(base.join("conf/sub/c.txt"), "deep").expect("file");
    fs::write(base.join("raw"), [0xff, 0xfe]).expect("file");
    fs::write(base.join("t.tpl"), "%{ for n in names ~}\n- ${n}\n%{ endfor ~}\nend ${upper(last)}\n")
        .expect("file");
    fs::write(base.join("bad.tpl"), "a\n${nosuch}\n").expect("file");
    fs::write(base.join("broken.tpl"), "a\n${\n").expect("file");
    fs::write(base.join("again.tpl"), "${templatefile(\"t.tpl\", {})}").expect("file");
    fs::write(base.join("raw.tpl"), "${value}").expect("file");
    let world = World { base_dir: base.to_path_buf(), ..World::default() };
    let found = |text: &str| match evaluate(&expr(text), &world) {
        Ok(value) => show(&value),
        Err(errors) => {
            let first = errors.iter().next().expect("an error");
            format!("{} {} {}", first.code, first.summary, first.detail)
        }
    };
    assert_eq!(found("file(\"conf/a.txt\")"), "\"hello\\n\"");
    assert_eq!(found("filebase64(\"raw\")"), "\"//4=\"");
    assert!(found("file(\"raw\")").contains("UTF-8"));
    assert!(found("file(\"nosuch\")").starts_with("MP1206"));
    assert!(found("file(\"conf\")").contains("folder"));
    assert!(found("file(\"~/x\")").contains("home"));
    assert_eq!(found("fileexists(\"conf/a.txt\")"), "true");
    assert_eq!(found("fileexists(\"conf/z\")"), "false");
    assert!(found("fileexists(\"conf\")").starts_with("MP1206"));
    assert_eq!(found("fileset(\"conf\", \"*.txt\")"), "set[\"a.txt\"]");
    assert_eq!(found("fileset(\"conf\", \"**\")"), "set[\"a.txt\", \"b.ini\", \"sub/c.txt\"]");
    assert_eq!(found("fileset(\"conf\", \"**/*.txt\")"), "set[\"a.txt\", \"sub/c.txt\"]");
    assert_eq!(found("fileset(\"conf\", \"{a,b}.[ti]*\")"), "set[\"a.txt\", \"b.ini\"]");
    assert_eq!(found("fileset(\"nosuch\", \"*\")"), "set[]");
    assert!(found("fileset(\"conf\", \"[\")").starts_with("MP1206"));
    assert_eq!(found("filesha256(\"conf/b.ini\") == sha256(\"x=1\")"), "true");
    assert_eq!(found("basename(abspath(\"conf/../raw\"))"), "\"raw\"");
    assert_eq!(
        found("templatefile(\"t.tpl\", { names = [\"a\", \"b\"], last = \"z\" })"),
        "\"- a\\n- b\\nend Z\\n\""
    );
    assert_eq!(
        found("templatefile(\"t.tpl\", { names = [\"a\"], last = var.secret })"),
        "sensitive(\"- a\\nend HUNTER2\\n\")"
    );
    assert_eq!(found("templatefile(\"t.tpl\", { names = [\"a\"], last = var.u })"), "unknown(string)");
    assert_eq!(found("templatefile(\"raw.tpl\", { value = [1] })"), "[1]");
    let error = found("templatefile(\"bad.tpl\", { name = 1 })");
    assert!(error.contains("line 2 of bad.tpl") && error.contains("name"), "{error}");
    assert!(found("templatefile(\"broken.tpl\", {})").contains("broken.tpl is not a template"));
    assert!(found("templatefile(\"again.tpl\", {})").contains("cannot read templates"));
    assert_eq!(found("templatestring(var.template, { name = \"x\", loud = true })"), "\"hello x!\"");
    assert!(found("templatestring(\"x\", {})").contains("reference"));
    assert!(found("templatestring(var.template, { name = var.text })").contains("loud"));
}
