use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Holder, Rollout, StoredInstance, StoredOutput, StoredProvider};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Always the first, and only there.
    Header(Header),
    /// A provider was configured like this. Folding forgets configurations that no instance needs.
    Provider { address: String, provider: StoredProvider },
    /// A `moved` block, or `state mv`: the instance with its deposed ones has a new address.
    Moved { from: String, to: String },
    /// What is to be recorded about an instance that no step touches: observed drift, a data
    /// source, an import. None forgets it (and nothing else happens to it).
    Observed { address: String, instance: Option<StoredInstance> },
    /// The generations of a module with a rollout are these from now on.
    Rollout { module: String, rollout: Rollout },
    /// From here on these steps are done together or not at all.
    Scope(Scope),
    /// A provider is about to be called.
    Intent(Intent),
    /// It was called.
    Outcome(Outcome),
    /// All outputs of the root module; replaces those recorded before.
    Outputs(BTreeMap<String, StoredOutput>),
    /// The apply went through its plan; not ok where a step failed.
    End { ok: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`crate::FORMAT`]; set by the writer.
    #[serde(default)]
    pub format: u32,
    /// Set by the writer.
    #[serde(default)]
    pub lineage: String,
    /// Serial of the state that the records are to be folded into; set by the writer.
    #[serde(default)]
    pub base_serial: u64,
    /// Version of the mprov that writes.
    pub mprov_version: String,
    /// Digest of the plan that is carried out.
    pub plan: String,
    /// Who writes, with what command, since when.
    pub by: Holder,
}

impl Header {
    pub fn new(mprov_version: impl Into<String>, plan: impl Into<String>, by: Holder) -> Self {
        Self {
            format: 0,
            lineage: String::new(),
            base_serial: 0,
            mprov_version: mprov_version.into(),
            plan: plan.into(),
            by,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    /// A data source that is read in the apply.
    Read,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
        })
    }
}

/// Which of the instances of one address a step is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The one that the address names.
    #[default]
    Current,
    /// The same, and when something new exists there, what was there before is kept as deposed
    /// under this key: the first half of create-before-destroy.
    Depose(String),
    /// The deposed one with this key: the second half.
    Deposed(String),
}

/// A step that is about to be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Number of the step, used once in a journal. Undoing is a step with a number of its own.
    pub step: u32,
    pub address: String,
    pub action: Action,
    #[serde(default, skip_serializing_if = "is_current")]
    pub slot: Slot,
    /// The idempotency token of the provider call.
    pub token: String,
    /// What will be recorded when the step succeeds, with its attributes as planned (unknown ones
    /// as unknown). None for a delete. It names the provider that recovery asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<StoredInstance>,
    /// The step that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u32>,
    /// With this step users are switched: when it succeeds, the generations of these modules are
    /// the given ones, and its scope is never undone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commits: BTreeMap<String, Rollout>,
}

/// Steps of one atomic scope, by their numbers. Values (which have nothing outside) are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub steps: Vec<u32>,
    /// Those among them that keep users out: taken back before all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiesce: Vec<u32>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub step: u32,
    pub result: StepResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// This is there now.
    Put(StoredInstance),
    /// Nothing is there any more.
    Removed,
    /// The step failed. `partial` is what exists all the same; without it everything is as it was
    /// before the step.
    Failed {
        /// Never holds a secret.
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial: Option<StoredInstance>,
    },
}

impl Intent {
    pub fn new(
        step: u32,
        address: impl Into<String>,
        action: Action,
        token: impl Into<String>,
        planned: Option<StoredInstance>,
    ) -> Self {
        Self {
            step,
            address: address.into(),
            action,
            slot: Slot::Current,
            token: token.into(),
            planned,
            undoes: None,
            commits: BTreeMap::new(),
        }
    }

    pub fn slot(mut self, slot: Slot) -> Self {
        self.slot = slot;
        self
    }

    pub fn undoes(mut self, step: u32) -> Self {
        self.undoes = Some(step);
        self
    }
}

fn is_current(slot: &Slot) -> bool {
    *slot == Slot::Current
}
