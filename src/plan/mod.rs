//! Desired x stored x observed to a plan.

mod check;
mod conditions;
mod decide;
mod draft;
mod evaluator;
mod expansion;
mod file;
mod kinds;
mod look;
mod model;
mod moves;
mod nodes;
mod observer;
mod order;
mod planner;
mod providers;
mod resolver;
mod resources;
mod rollout;
mod scope;
mod sessions;
mod stored;
mod targets;
mod tree;
mod watch;

pub use check::check_bodies;
pub use decide::marked;
pub use evaluator::Evaluator;
pub use file::{PLAN_FORMAT, SavedPlan};
pub use kinds::{Kind, Kinds};
pub use model::{
    Action, Base, DataRead, Drift, DriftKind, NodeIndex, OutputChange, Plan, PlanMode, Reason, Refreshed,
    Replacement, Step, Summary,
};
pub use nodes::Nodes;
pub use observer::{Activity, Observer, Outcome, RunEvent};
pub use planner::{PlanOptions, Planner, interrupted, plan};
pub use resolver::Resolver;
pub use rollout::{
    GenerationRecord, InRole, Phase, RolloutPlan, StoredGeneration, StoredRehearsal, StoredRollout, Turn,
    discard, module_of, rollback,
};
pub use sessions::{Connection, Sessions};
pub use stored::{Deposed, Stored, StoredInstance};
pub use tree::Tree;
pub use watch::{fault_diagnostic, relay};
