use std::fmt::Write as _;

use mprov_sdk::{Object, Value};

use super::*;
use crate::plan::Replacement;

/// A plan of that many replacements, each of two steps.
fn replacements(count: usize) -> Plan {
    let mut steps = Vec::new();
    for i in 0..count {
        let mut address = String::new();
        write!(address, "core_value.v[{i}]").expect("writing to a string");
        let attributes = |n: usize| Object::new().with("input", n).with("id", Value::from("x"));
        let half = |action| Step {
            before: Some(attributes(i)),
            after: Some(attributes(i + 1)),
            replacement: Some(Replacement::DeleteFirst),
            ..step(&address, action)
        };
        steps.extend([half(Action::Delete), half(Action::Create)]);
    }
    plan(steps)
}

/// Pairing halves by address must not depend on how many there are: it would take minutes here.
#[test]
fn ten_thousand_steps_make_five_thousand_blocks() {
    let text = text(&replacements(5_000));
    assert_eq!(text.matches("must be replaced").count(), 5_000);
    assert!(text.ends_with("Plan: 5000 to add, 0 to change, 5000 to destroy.\n"));
}
