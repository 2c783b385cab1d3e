//! Golden plans: one of each kind, in words and as JSON.

mod document;
mod kinds;
mod size;
mod values;

use mprov_sdk::{Change, Impact, Object, Undo, Value};

use crate::plan::{Action, Plan, Step};
use crate::view::Style;

pub fn step(address: &str, action: Action) -> Step {
    Step {
        address: address.parse().expect("an address"),
        action,
        replacement: None,
        deposed: None,
        provider: "docker".into(),
        needs: Vec::new(),
        dependencies: Vec::new(),
        before: None,
        after: None,
        changes: Vec::new(),
        impact: Impact::default(),
        undo: Undo::Exact,
        reason: None,
        token: "t".into(),
        prevent_destroy: false,
        create_before_destroy: false,
        atomic: false,
        phase: None,
    }
}

pub fn change(name: &str, before: impl Into<Value>, after: impl Into<Value>) -> Change {
    Change { name: name.into(), before: before.into(), after: after.into(), replaces: false }
}

pub fn update(address: &str, before: Object, after: Object) -> Step {
    let changes = crate::view::change::changed_names(&before, &after);
    let changes = changes.iter().map(|n| change(n, before.get(n).clone(), after.get(n).clone())).collect();
    Step { before: Some(before), after: Some(after), changes, ..step(address, Action::Update) }
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, ..Plan::default() }
}

pub fn text(plan: &Plan) -> String {
    super::render(plan, Style::PLAIN)
}

/// The block of a plan with that one step, without legend and sums.
pub fn block(step: Step) -> String {
    let text = text(&plan(vec![step]));
    let start = text.find("  # ").expect("a title");
    let end = text.find("\nPlan:").expect("sums");
    text[start..end].to_owned()
}
