use mprov_sdk::{Object, Type, Value};

use super::*;

/// What stands between the braces when the attribute `a` changes so.
fn changed(before: Value, after: Value) -> String {
    let text = block(update("x_y.z", Object::new().with("a", before), Object::new().with("a", after)));
    text.lines()
        .skip(2)
        .filter(|l| *l != "    }")
        .map(|l| format!("{}\n", l.strip_prefix("    ").unwrap_or(l)))
        .collect()
}

fn strings<const N: usize>(items: [&str; N]) -> Vec<Value> {
    items.map(Value::from).to_vec()
}

#[test]
fn lists_show_the_changed_elements_in_their_place() {
    let before = Value::list(strings(["a", "b", "c", "d"]));
    let after = Value::list(strings(["a", "b", "x", "d", "e"]));
    assert_eq!(
        changed(before, after),
        r#"  ~ a = [
        # (2 unchanged elements hidden)
      - "c",
      + "x",
        "d",
      + "e",
    ]
"#
    );
}

#[test]
fn blocks_that_take_each_others_place_are_compared_inside() {
    let mount = |source: &str| {
        Value::object([("source", Value::from(source)), ("target", "/data".into()), ("mode", "rw".into())])
    };
    assert_eq!(
        changed(Value::list([mount("a")]), Value::list([mount("b"), mount("c")])),
        r#"  ~ a = [
      ~ {
          ~ source = "a" -> "b"
            # (2 unchanged attributes hidden)
        },
      + {
          + mode   = "rw"
          + source = "c"
          + target = "/data"
        },
    ]
"#
    );
}

#[test]
fn sets_have_no_places() {
    let before = Value::set(strings(["a", "c", "d"]));
    let after = Value::set(strings(["b", "c", "d"]));
    assert_eq!(
        changed(before, after),
        "  ~ a = [\n      - \"a\",\n      + \"b\",\n        # (2 unchanged elements hidden)\n    ]\n"
    );
}

#[test]
fn maps_quote_their_keys_and_hide_what_stays() {
    let before = Value::map([("keep", "1"), ("old", "2"), ("turn", "3")].map(|(k, v)| (k, Value::from(v))));
    let after = Value::map([("keep", "1"), ("new", "2"), ("turn", "4")].map(|(k, v)| (k, Value::from(v))));
    assert_eq!(
        changed(before, after),
        r#"  ~ a = {
      + "new"  = "2"
      - "old"  = "2" -> null
      ~ "turn" = "3" -> "4"
        # (1 unchanged element hidden)
    }
"#
    );
}

#[test]
fn texts_of_several_lines_are_compared_by_line() {
    let lines = |changed: &str| {
        let mut lines: Vec<String> = (1..=12).map(|i| format!("line {i}")).collect();
        lines[5] = changed.to_owned();
        Value::from(lines.join("\n") + "\n")
    };
    assert_eq!(
        changed(lines("old"), lines("new")),
        r#"  ~ a = <<-EOT
        # (2 unchanged lines hidden)
        line 3
        line 4
        line 5
      - old
      + new
        line 7
        line 8
        line 9
        # (3 unchanged lines hidden)
    EOT
"#
    );
}

#[test]
fn texts_of_json_are_compared_as_values() {
    let before = Value::from(r#"{"listen":[":80"],"name":"x"}"#);
    let after = Value::from(r#"{"name":"x","listen":[":80",":443"]}"#);
    assert_eq!(
        changed(before, after),
        r#"  ~ a = jsonencode(
      ~ {
          ~ listen = [
                ":80",
              + ":443",
            ]
            # (1 unchanged attribute hidden)
        }
    )
"#
    );
}

#[test]
fn a_collection_becomes_unknown_or_empty() {
    let ports = Value::list([Value::from(80)]);
    assert_eq!(
        changed(ports.clone(), Value::unknown(Type::list(Type::Number))),
        "  - a = [\n      - 80,\n    ]\n    -> (known after apply)\n"
    );
    assert_eq!(changed(ports.clone(), Value::list([])), "  - a = [\n      - 80,\n    ]\n    -> []\n");
    assert_eq!(changed(Value::Null, ports), "  + a = [\n      + 80,\n    ]\n");
}

#[test]
fn nothing_of_a_secret_is_shown_whatever_becomes_of_it() {
    let secret = || Value::from("hunter2").sensitive();
    let other = || Value::from("hunter3").sensitive();
    for (before, after) in [
        (secret(), other()),
        (secret(), Value::Null),
        (Value::Null, secret()),
        (secret(), Value::from("public")),
        (secret(), Value::unknown(Type::String).sensitive()),
        (Value::list([secret()]), Value::list([other(), secret()])),
        (Value::set([secret()]), Value::set([other()])),
        (Value::object([("p", secret())]), Value::object([("p", other())])),
    ] {
        let text = changed(before, after);
        assert!(!text.contains("hunter"), "{text}");
        assert!(text.contains("sensitive"), "{text}");
    }
}

#[test]
fn a_public_value_that_becomes_secret_is_not_printed_beside_it() {
    let text = changed(Value::from("old"), Value::from("new").sensitive());
    assert_eq!(text, "  ~ a = (sensitive value)\n");
}

#[test]
fn long_texts_are_cut() {
    let step = Step {
        after: Some(Object::new().with("a", "x".repeat(1000)).with("b", "line\n".repeat(1000))),
        ..step("x_y.z", Action::Create)
    };
    let text = block(step);
    assert!(text.contains(&format!("a = \"{}…\" (1000 characters)\n", "x".repeat(160))));
    assert!(text.contains("# (960 more lines)\n"));
    assert!(text.lines().count() < 60);
}
