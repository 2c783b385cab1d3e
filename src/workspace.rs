//! A root module's folder with its state: what the commands are made of.

mod apply;
mod generations;
mod planning;
mod rollouts;
mod stored;

use std::path::PathBuf;
use std::sync::Arc;

use mprov_sdk::{Diagnostic, Diagnostics, Provider};
use mprov_state::{Holder, KeyPlace, KeyRing, Locked, State, StateError, Store};

use crate::engine::Stop;
use crate::plan::{Kinds, Observer};

pub use generations::{Counted, GenerationRow};
pub use planning::{Ask, Planning};
pub use stored::{outputs, stored};

/// Everything about the run that only the command line knows.
#[derive(Clone)]
pub struct Surroundings {
    /// The root module's folder, absolute.
    pub dir: PathBuf,
    pub keys: KeyPlace,
    pub holder: Holder,
    /// RFC 3339, UTC.
    pub now: String,
    /// The time, whenever it is asked for; as `now`.
    pub clock: Arc<dyn Fn() -> String + Send + Sync>,
    /// Different for every run.
    pub nonce: String,
    pub observer: Arc<dyn Observer>,
    pub stop: Stop,
    pub parallelism: usize,
}

pub struct Workspace {
    pub surroundings: Surroundings,
    pub kinds: Arc<Kinds>,
    pub store: Store,
}

impl Workspace {
    pub fn open(surroundings: Surroundings, providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        let store = Store::open(&surroundings.dir, KeyRing::new(surroundings.keys.clone()));
        Self { kinds: Arc::new(Kinds::new(providers)), store, surroundings }
    }

    /// Takes the lock, for as long as the guard lives.
    pub fn lock(&self) -> Result<Locked, StateError> {
        self.store.lock(&self.surroundings.holder)
    }

    /// What is recorded. While an interrupted apply has not been recovered: with everything that is
    /// on record of it.
    pub fn state(&self) -> Result<Option<State>, StateError> {
        match self.store.pending()? {
            Some(pending) => Ok(Some(pending.applied)),
            None => self.store.state(),
        }
    }
}

/// A state error where diagnostics are expected.
fn told(error: StateError) -> Diagnostics {
    Diagnostic::from(error).into()
}
