use mprov_sdk::{Change, Object, Type, Value};
use serde_json::json;

use super::*;
use crate::plan::{Drift, DriftKind, OutputChange, Reason, Replacement};
use crate::view::plan::json as document;

#[test]
fn a_replacement_is_one_entry_with_both_actions() {
    let before = Object::new().with("id", "1").with("password", Value::from("hunter2").sensitive());
    let after = Object::new()
        .with("id", Value::unknown(Type::String))
        .with("password", Value::from("hunter3").sensitive());
    let address = r#"module.m["a"].docker_container.web[1]"#;
    let half = |action| Step {
        replacement: Some(Replacement::CreateFirst),
        before: Some(before.clone()),
        after: Some(after.clone()),
        changes: vec![Change { replaces: true, ..change("password", "x", "y") }],
        reason: Some(Reason::Tainted),
        ..step(address, action)
    };
    let document = document(&plan(vec![half(Action::Create), half(Action::Delete)]));
    assert_eq!(
        document["resource_changes"],
        json!([{
            "address": address,
            "module_address": "module.m[\"a\"]",
            "mode": "managed",
            "type": "docker_container",
            "name": "web",
            "index": 1,
            "deposed": null,
            "provider": "docker",
            "change": {
                "actions": ["create", "delete"],
                "before": { "id": "1", "password": "(sensitive value)" },
                "after": { "id": null, "password": "(sensitive value)" },
                "after_unknown": { "id": true },
                "before_sensitive": { "password": true },
                "after_sensitive": { "password": true },
                "replace_paths": [["password"]],
            },
            "action_reason": "tainted",
            "impact": { "downtime_seconds": null, "read_only_seconds": null, "data_lost": null },
            "undo": { "kind": "exact" },
        }])
    );
    assert_eq!(document["summary"], json!({ "add": 1, "change": 0, "destroy": 1 }));
}

#[test]
fn no_secret_is_in_the_document() {
    let secret = || Value::from("hunter2").sensitive();
    let mut plan = plan(vec![update(
        "a_b.c",
        Object::new().with("p", Value::list([secret()])),
        Object::new().with("p", Value::list([secret(), secret()])),
    )]);
    plan.variables.insert("password".into(), secret());
    plan.outputs =
        vec![OutputChange { name: "o".into(), before: "hunter2".into(), after: secret(), sensitive: true }];
    plan.drift = vec![Drift {
        address: "a_b.c".parse().expect("an address"),
        kind: DriftKind::Changed(vec![change("p", secret(), "seen")]),
    }];
    let text = document(&plan).to_string();
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.contains(r#""drift":"changed""#));
}
