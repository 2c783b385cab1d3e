//! Carries a plan out: journal, parallelism, undo, cancellation; and recovers what a crash left.

mod call;
mod generations;
mod recover;
mod report;
mod rollout;
mod run;
mod undo;

pub use call::Ledger;
pub use recover::{recover, take_back};
pub use report::{Interruption, Report};
pub use run::{Run, Stop};
