use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{RawJson, StoredInstance};

/// The generations of one module with a `rollout` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Number of the newest that was ever begun; numbers are never used again.
    pub last: u32,
    /// The oldest first.
    pub generations: Vec<Generation>,
    /// The newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsals: Vec<Rehearsal>,
    /// Combinations that were rolled back and not rehearsed again since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rolled_back: Vec<Combination>,
}

/// Digests of what a generation is made from, by name. Two with the same are interchangeable.
pub type Combination = BTreeMap<String, String>;

/// What a rehearsal has proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// The generation that was made for it.
    pub generation: String,
    /// When it ended; RFC 3339, UTC.
    pub ended: String,
    pub combination: Combination,
    /// How long each step took, in milliseconds, by address inside of the module.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub durations: BTreeMap<String, u64>,
}

/// An instance as it is in one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InRole {
    /// With its configuration as attributes; none where it is not there in that role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<StoredInstance>,
    /// It is made only after users have been switched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_switch: bool,
}

/// What a generation is for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Live,
    Staging,
    Previous,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Live, Self::Staging, Self::Previous];

    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Staging => "staging",
            Self::Previous => "previous",
        }
    }
}

/// One complete instance of the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// `g1`, `g2`, …
    pub id: String,
    /// The smallest number from 1 on that no other generation had when it was made.
    pub slot: u32,
    pub role: Role,
    /// It was begun and is not complete: the next plan takes it away, or, where it is the first
    /// one, brings it to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The generation it was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Outputs of that generation as they were then: what this one was made from does not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloned_from: Option<RawJson>,
    /// When it was begun; RFC 3339, UTC, as the other times.
    pub made: String,
    /// When users were switched to it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<String>,
    /// Its values of the inputs named in `on`: one object with its type.
    pub inputs: RawJson,
    pub combination: Combination,
    /// Outputs of the module, as the generations made from it see them: one object with its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<RawJson>,
    /// What differs from role to role, by address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Role, BTreeMap<String, InRole>>,
    /// Configurations, by address, of what stands outside of the module and depends on it, as they
    /// are while this generation is live.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outside: BTreeMap<String, RawJson>,
}

impl Generation {
    /// The number in its id.
    pub fn number(&self) -> u32 {
        self.id.trim_start_matches('g').parse().unwrap_or(0)
    }
}

impl Rollout {
    pub fn get(&self, id: &str) -> Option<&Generation> {
        self.generations.iter().find(|g| g.id == id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Generation> {
        self.generations.iter_mut().find(|g| g.id == id)
    }

    pub fn live(&self) -> Option<&Generation> {
        self.generations.iter().find(|g| g.role == Role::Live)
    }

    /// The slot that a new generation gets.
    pub fn free_slot(&self) -> u32 {
        (1..).find(|slot| self.generations.iter().all(|g| g.slot != *slot)).expect("numbers do not end")
    }
}
