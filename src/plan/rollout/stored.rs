use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Address, Name, Object, Value};
use mprov_state::{Combination, Role};

use crate::plan::StoredInstance;

/// What is recorded of one module's generations, in the types of the schemas.
#[derive(Clone, Debug, Default)]
pub struct StoredRollout {
    /// Number of the newest generation that was ever begun.
    pub last: u32,
    /// The oldest first.
    pub generations: Vec<StoredGeneration>,
    pub rehearsals: Vec<StoredRehearsal>,
    /// Combinations that were rolled back and not rehearsed again since.
    pub rolled_back: Vec<Combination>,
    /// The module had no rollout when it was applied last.
    pub adopted: bool,
}

#[derive(Clone, Debug)]
pub struct StoredGeneration {
    /// `g1`
    pub id: Name,
    pub slot: u32,
    pub role: Role,
    /// It was begun and is not complete, or is to be taken away.
    pub unfinished: bool,
    /// The generation that it was cloned from.
    pub previous: Option<Name>,
    /// Outputs of that generation as they were then.
    pub cloned_from: Option<Value>,
    /// RFC 3339, UTC.
    pub switched: Option<String>,
    /// Its values of the inputs that make new generations.
    pub inputs: Object,
    pub combination: Combination,
    /// Outputs of the module, one object; none where its record is not complete yet.
    pub outputs: Option<Value>,
    /// What differs from role to role.
    pub roles: BTreeMap<Role, BTreeMap<Address, InRole>>,
    /// Configurations of what stands outside and depends on it, as they are while it is live.
    pub outside: BTreeMap<Address, Object>,
}

#[derive(Clone, Debug)]
pub struct InRole {
    /// With its configuration as attributes; none where it is not there in that role.
    pub instance: Option<StoredInstance>,
    pub after_switch: bool,
}

#[derive(Clone, Debug)]
pub struct StoredRehearsal {
    pub generation: String,
    pub combination: Combination,
    /// How long each step took, by address inside of the module.
    pub durations: BTreeMap<String, Duration>,
}

impl StoredGeneration {
    /// A module's first generation, of which not all was ever made: users have never had it, and
    /// what it is made from may still be corrected.
    pub fn was_never_complete(&self) -> bool {
        self.role == Role::Live && self.unfinished
    }
}

impl StoredRollout {
    pub fn get(&self, id: &str) -> Option<&StoredGeneration> {
        self.generations.iter().find(|g| &*g.id == id)
    }

    pub fn live(&self) -> Option<&StoredGeneration> {
        self.generations.iter().find(|g| g.role == Role::Live)
    }

    /// The complete generations that users can be switched back to, the one they came from last
    /// first.
    pub fn previous(&self) -> Vec<&StoredGeneration> {
        let mut found: Vec<&StoredGeneration> =
            self.generations.iter().filter(|g| g.role == Role::Previous && !g.unfinished).collect();
        found.sort_by(|a, b| b.switched.cmp(&a.switched));
        found
    }

    /// The slot that a new generation gets.
    pub fn free_slot(&self) -> u32 {
        (1..).find(|slot| self.generations.iter().all(|g| g.slot != *slot)).expect("numbers do not end")
    }
}
