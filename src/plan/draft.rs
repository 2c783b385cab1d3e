use mprov_sdk::{Address, Change, Impact, Object, Undo};

use super::model::{Action, Reason, Replacement, Step};
use super::rollout::Part;
use crate::graph::NodeId;

/// A step before its place in the graph is known.
pub struct Draft {
    pub step: Step,
    /// The node of its resource block; none for what is not in the configuration any more.
    pub node: Option<NodeId>,
    /// What it is in the rollout of that module.
    pub part: Option<(String, Part)>,
}

impl Draft {
    pub fn new(address: Address, action: Action, provider: String, node: Option<NodeId>) -> Self {
        let step = Step {
            address,
            action,
            replacement: None,
            deposed: None,
            provider,
            needs: Vec::new(),
            dependencies: Vec::new(),
            before: None,
            after: None,
            changes: Vec::new(),
            impact: Impact::default(),
            undo: Undo::Exact,
            reason: None,
            token: String::new(),
            prevent_destroy: false,
            create_before_destroy: false,
            atomic: false,
            phase: None,
        };
        Self { step, node, part: None }
    }

    pub fn before(mut self, before: Option<Object>) -> Self {
        self.step.before = before;
        self
    }

    pub fn after(mut self, after: Object) -> Self {
        self.step.after = Some(after);
        self
    }

    pub fn changes(mut self, changes: Vec<Change>) -> Self {
        self.step.changes = changes;
        self
    }

    pub fn impact(mut self, impact: Impact) -> Self {
        self.step.impact = impact;
        self
    }

    pub fn undo(mut self, undo: Undo) -> Self {
        self.step.undo = undo;
        self
    }

    pub fn reason(mut self, reason: Option<Reason>) -> Self {
        self.step.reason = reason;
        self
    }

    pub fn part(mut self, module: &str, part: Part) -> Self {
        self.part = Some((module.to_owned(), part));
        self
    }

    pub fn replacement(mut self, replacement: Replacement) -> Self {
        self.step.replacement = Some(replacement);
        self
    }
}
