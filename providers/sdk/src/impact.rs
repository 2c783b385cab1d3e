use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the site's users notice of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Impact {
    /// Time without service.
    pub downtime: Option<Duration>,
    /// Time in which the service answers but takes no writes.
    pub read_only: Option<Duration>,
    /// Data that is discarded, in a few words.
    pub data_lost: Option<String>,
}

impl Impact {
    pub fn downtime(time: Duration) -> Self {
        Self { downtime: Some(time), ..Self::default() }
    }

    pub fn read_only(time: Duration) -> Self {
        Self { read_only: Some(time), ..Self::default() }
    }

    pub fn data_lost(what: impl Into<String>) -> Self {
        Self { data_lost: Some(what.into()), ..Self::default() }
    }

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Both together in one step: the longer of the times.
    pub fn join(self, other: &Impact) -> Self {
        Self {
            downtime: self.downtime.max(other.downtime),
            read_only: self.read_only.max(other.read_only),
            data_lost: match (self.data_lost, &other.data_lost) {
                (Some(a), Some(b)) if a != *b => Some(format!("{a}; {b}")),
                (a, b) => a.or_else(|| b.clone()),
            },
        }
    }
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "reason")]
pub enum Undo {
    /// As if it had never been.
    Exact,
    /// Exact as long as users have not written.
    UntilUsersWrite,
    /// Not at all, and why.
    None(String),
}
