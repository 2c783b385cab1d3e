use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::changed::ChangedInput;

/// What a plan does with the generations of one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutPlan {
    /// Address of the module, `module.moodle`.
    pub module: String,
    pub turn: Turn,
    /// Why a generation is made of the live one.
    pub changed: Vec<ChangedInput>,
    /// Generations that are taken away.
    pub prune: Vec<String>,
    /// The record of the live generation is to be completed.
    pub records: bool,
    /// Addresses of what stands outside of the module and lets users in.
    pub outside: Vec<String>,
    /// How long users cannot write, as a rehearsal has measured it.
    pub predicted: Option<Duration>,
    /// The rehearsal that measured it.
    pub rehearsed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The first generation is made.
    First { to: String, slot: u32 },
    /// The live generation stays, and may change in place.
    Keep { live: String },
    /// A new generation is made from the live one, and users are switched to it.
    CutOver { from: String, to: String, slot: u32 },
    /// A new generation is made from the live one, for looking at.
    Rehearse { from: String, to: String, slot: u32 },
    /// Users are switched back.
    Rollback { from: String, to: String },
    /// Generations are only taken away.
    Discard,
}

/// When a step of a cut-over happens, seen from the users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before they notice anything.
    Prepare,
    /// Writers are stopped.
    Quiesce,
    /// The new generation is made from data that nobody changes.
    Change,
    /// They are let in again, to the other generation.
    Switch,
    /// When they are in.
    After,
}

impl Turn {
    /// The generation that is evaluated from the configuration; none where all that is done is on
    /// record.
    pub fn evaluated(&self) -> Option<&str> {
        match self {
            Self::First { to, .. } | Self::CutOver { to, .. } | Self::Rehearse { to, .. } => Some(to),
            Self::Keep { live } => Some(live),
            Self::Rollback { .. } | Self::Discard => None,
        }
    }

    /// The generation that is made.
    pub fn made(&self) -> Option<(&str, u32)> {
        match self {
            Self::First { to, slot } | Self::CutOver { to, slot, .. } | Self::Rehearse { to, slot, .. } => {
                Some((to, *slot))
            }
            Self::Keep { .. } | Self::Rollback { .. } | Self::Discard => None,
        }
    }

    /// The generation that was there before this plan, where one is that users work on.
    pub fn stays(&self) -> Option<&str> {
        match self {
            Self::Keep { live } => Some(live),
            _ => self.from(),
        }
    }

    /// The generation that the new one is a clone of.
    pub fn from(&self) -> Option<&str> {
        match self {
            Self::CutOver { from, .. } | Self::Rehearse { from, .. } | Self::Rollback { from, .. } => {
                Some(from)
            }
            _ => None,
        }
    }
}

impl RolloutPlan {
    pub fn new(module: String, turn: Turn) -> Self {
        Self {
            module,
            turn,
            changed: Vec::new(),
            prune: Vec::new(),
            records: false,
            outside: Vec::new(),
            predicted: None,
            rehearsed: None,
        }
    }

    /// Whether an apply does anything about it, the steps aside.
    pub fn is_change(&self) -> bool {
        !matches!(self.turn, Turn::Keep { .. }) || !self.prune.is_empty() || self.records
    }
}

impl Phase {
    /// Whether users cannot write while it lasts.
    pub fn is_read_only(self) -> bool {
        matches!(self, Self::Quiesce | Self::Change | Self::Switch)
    }
}
