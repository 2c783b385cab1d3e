//! What mprov remembers between two commands: the state document, the journal of the apply that
//! is under way, the lock that keeps two applies apart, and the key that seals secrets.
//!
//! Reading needs a [`Store`]. Writing needs a [`Locked`], which only the lock gives; a [`Journal`]
//! comes from a `Locked` alone and is used up by folding it.

mod contents;
mod disk;
mod document;
mod error;
mod fold;
mod generation;
mod history;
mod journal;
mod key;
mod layout;
mod lock;
mod raw;
mod record;
mod seal;
mod store;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod testing;

pub use contents::Pending;
pub use document::{Deposed, FORMAT, State, StoredInstance, StoredOutput, StoredProvider};
pub use error::StateError;
pub use fold::{InDoubt, OpenScope, ScopeStep};
pub use generation::{Combination, Generation, InRole, Rehearsal, Role, Rollout};
pub use journal::Journal;
pub use key::{KeyMade, KeyPlace, KeyRing};
pub use lock::Holder;
pub use raw::RawJson;
pub use record::{Action, Header, Intent, Outcome, Record, Scope, Slot, StepResult};
pub use store::{Locked, Store, new_lineage};
