//! Modules with a rollout: which generation a plan is about, and what happens to the others.

mod adopt;
mod back;
mod changed;
mod combination;
mod decide;
mod gate;
mod order;
mod predict;
mod record;
mod steps;
mod stored;
mod turn;
mod work;

pub use adopt::adopt;
pub use back::{discard, module_of, rollback};
pub use combination::combination;
pub use decide::{Rollouts, address_of, expand, turn};
pub use gate::{adoption, refusals, rehearsal};
pub use order::phases;
pub use predict::read_only;
pub use record::GenerationRecord;
pub use steps::{Part, gone_impact};
pub use stored::{InRole, StoredGeneration, StoredRehearsal, StoredRollout};
pub use turn::{Phase, RolloutPlan, Turn};
