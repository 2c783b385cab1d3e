use std::collections::BTreeMap;

use mprov_sdk::{Address, Change, Diagnostics, Impact, Name, Object, Undo, Value};
use serde::{Deserialize, Serialize};

use super::rollout::{Phase, RolloutPlan};

/// Every decision of one run, made before anything is touched.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub base: Base,
    pub mode: PlanMode,
    /// In the order of their addresses; a step's index is its node in the graph.
    pub steps: Vec<Step>,
    /// Nodes behind the steps: each is done when all its own needs are done. They keep the number
    /// of edges small where many steps wait for many.
    pub joins: Vec<Vec<NodeIndex>>,
    /// Addresses that `moved` blocks change in the state, old and new.
    pub moves: Vec<(Address, Address)>,
    /// What was changed outside of mprov since the last apply.
    pub drift: Vec<Drift>,
    /// Observed attributes that the state is to take over, for instances without a step.
    pub refreshed: Vec<Refreshed>,
    /// Data sources that were read in planning.
    pub data: Vec<DataRead>,
    /// Outputs of the root module that change.
    pub outputs: Vec<OutputChange>,
    /// Managed instances that stay as they are.
    pub unchanged: usize,
    pub warnings: Diagnostics,
    /// What happens to the generations of modules with a rollout.
    pub rollouts: Vec<RolloutPlan>,
    /// Why an apply refuses the plan.
    pub refusals: Diagnostics,
    /// Values of the root module's variables, for the apply.
    pub variables: BTreeMap<Name, Value>,
    /// RFC 3339, UTC.
    pub time: String,
}

/// What a plan was made from; an apply refuses it when that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// None while nothing was ever applied.
    pub lineage: Option<String>,
    pub serial: u64,
    /// Of all configuration texts and variable values.
    pub configuration: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMode {
    #[default]
    Normal,
    Destroy,
    /// A generation of one module is made for looking at.
    Rehearse,
    /// What is done follows from what is recorded, not from the configuration.
    Recorded,
}

/// A step's index in [`Plan::steps`], or the number of steps plus an index in [`Plan::joins`].
pub type NodeIndex = u32;

/// An action on one instance.
#[derive(Clone, Debug)]
pub struct Step {
    pub address: Address,
    pub action: Action,
    /// Set on both halves of a replacement.
    pub replacement: Option<Replacement>,
    /// Set on a delete of what an earlier replacement left behind.
    pub deposed: Option<String>,
    /// Address of the provider configuration, `docker` or `module.a.docker.remote`.
    pub provider: String,
    /// What must be done before.
    pub needs: Vec<NodeIndex>,
    /// Addresses of the resources it depends on, without instance keys; recorded in the state.
    pub dependencies: Vec<String>,
    /// Attributes now. None for a create.
    pub before: Option<Object>,
    /// Attributes afterwards, unknown where only the apply can tell. None for a delete.
    pub after: Option<Object>,
    /// What differs; empty for plain creates and deletes.
    pub changes: Vec<Change>,
    pub impact: Impact,
    pub undo: Undo,
    pub reason: Option<Reason>,
    /// The idempotency token of its provider calls.
    pub token: String,
    pub prevent_destroy: bool,
    pub create_before_destroy: bool,
    pub atomic: bool,
    /// Where it stands in a cut-over.
    pub phase: Option<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Create,
    Update,
    Delete,
    /// A data source that can only be read in the apply.
    Read,
}

/// The order of a replacement's halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// `-/+`
    DeleteFirst,
    /// `+/-`
    CreateFirst,
}

/// Why a step is there, where the changed attributes do not say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A create failed half-way.
    Tainted,
    /// `replace_triggered_by`
    TriggeredBy(String),
    /// The block is gone from the configuration.
    NotInConfiguration,
    /// This instance key is gone from `count` or `for_each`.
    KeyGone,
    /// It exists in the state, but not in the world any more.
    Vanished,
    /// What a replacement left behind.
    Deposed,
    /// A data source whose configuration depends on steps of this plan.
    DependsOnSteps,
    /// Its generation is taken away.
    GenerationGone,
}

/// One instance that differs from what the last apply recorded.
#[derive(Clone, Debug)]
pub struct Drift {
    pub address: Address,
    pub kind: DriftKind,
}

#[derive(Clone, Debug)]
pub enum DriftKind {
    Gone,
    /// `before` is stored, `after` is observed.
    Changed(Vec<Change>),
}

#[derive(Clone, Debug)]
pub struct Refreshed {
    pub address: Address,
    /// None where the instance is gone and not wanted any more.
    pub attributes: Option<Object>,
}

#[derive(Clone, Debug)]
pub struct DataRead {
    pub address: Address,
    pub attributes: Object,
}

#[derive(Clone, Debug)]
pub struct OutputChange {
    pub name: Name,
    /// Null where it did not exist.
    pub before: Value,
    /// Null where it is gone.
    pub after: Value,
    pub sensitive: bool,
}

/// Counts of a plan, replacements counted on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub add: usize,
    pub change: usize,
    pub destroy: usize,
}

impl Plan {
    /// Whether an apply would change anything: instances, addresses or outputs.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.moves.is_empty()
            && self.outputs.is_empty()
            && !self.rollouts.iter().any(RolloutPlan::is_change)
    }

    pub fn summary(&self) -> Summary {
        let count = |action| self.steps.iter().filter(|s| s.action == action).count();
        Summary { add: count(Action::Create), change: count(Action::Update), destroy: count(Action::Delete) }
    }

    /// What users notice of all steps together: times added up, data losses listed.
    pub fn impact(&self) -> Impact {
        let sum = |time: fn(&Impact) -> Option<std::time::Duration>| {
            self.steps.iter().filter_map(|s| time(&s.impact)).reduce(|a, b| a + b)
        };
        let lost: Vec<&str> = self.steps.iter().filter_map(|s| s.impact.data_lost.as_deref()).collect();
        Impact {
            downtime: sum(|i| i.downtime),
            read_only: sum(|i| i.read_only),
            data_lost: (!lost.is_empty()).then(|| lost.join("; ")),
        }
    }
}
