use std::collections::BTreeMap;

use mprov_sdk::{CodecError, Object, Seal, Type};
use serde::{Deserialize, Serialize};

use crate::{RawJson, Rollout, layout};

/// The format of the state document and of the journal that this version writes. Any new field
/// raises it, because a reader that does not know a field would drop it on the next write.
pub const FORMAT: u32 = 2;
/// The oldest that it reads.
pub(crate) const OLDEST_FORMAT: u32 = 1;

/// Everything recorded about one root module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: u32,
    /// Version of the mprov that wrote it; empty where it was never written.
    pub mprov_version: String,
    /// Names this state for all its life; states of different lineage have nothing in common.
    pub lineage: String,
    /// One more with every change; 0 where nothing was ever written.
    pub serial: u64,
    /// The journal whose fold made this serial. A journal with this id has nothing left to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) journal: Option<String>,
    /// age recipients (public keys) that secrets are sealed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Outputs of the root module by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, StoredOutput>,
    /// Provider configurations by address: what it takes to reach instances whose HCL is gone.
    #[serde(default)]
    pub providers: BTreeMap<String, StoredProvider>,
    /// Instances by address.
    #[serde(default)]
    pub resources: BTreeMap<String, StoredInstance>,
    /// What create-before-destroy replacements still have to delete, by address and key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposed: Vec<Deposed>,
    /// Generations of modules with a rollout, by the module's address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rollouts: BTreeMap<String, Rollout>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredInstance {
    /// Address of the provider configuration it was made with.
    pub provider: String,
    pub schema_version: u32,
    /// By the codec of the sdk, sensitive values sealed.
    pub attributes: RawJson,
    /// Addresses of what it depends on directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// Half made: the next plan replaces it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tainted: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub create_before_destroy: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub prevent_destroy: bool,
    /// The idempotency token of the create that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// An instance that a replacement left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposed {
    pub address: String,
    /// Tells several of one address apart.
    pub key: String,
    pub instance: StoredInstance,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredOutput {
    /// The value with its type, see [`RawJson::encode_value`].
    pub value: RawJson,
    #[serde(default, skip_serializing_if = "is_false")]
    pub sensitive: bool,
}

/// How a provider configuration connects, all values known, sensitive ones sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredProvider {
    /// The provider's name, `docker`.
    pub name: String,
    pub config: RawJson,
    /// Addresses of the configurations through which it reaches machines and containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
}

impl StoredInstance {
    pub fn new(provider: impl Into<String>, schema_version: u32, attributes: RawJson) -> Self {
        Self {
            provider: provider.into(),
            schema_version,
            attributes,
            dependencies: Vec::new(),
            tainted: false,
            create_before_destroy: false,
            prevent_destroy: false,
            token: None,
        }
    }

    /// The attributes as values; `ty` is the schema's object type.
    pub fn decode(&self, ty: &Type, seal: &dyn Seal) -> Result<Object, CodecError> {
        self.attributes.decode_object(ty, seal)
    }
}

impl State {
    /// A state in which nothing was recorded yet.
    pub fn new(lineage: impl Into<String>) -> Self {
        Self {
            format: FORMAT,
            mprov_version: String::new(),
            lineage: lineage.into(),
            serial: 0,
            journal: None,
            recipients: Vec::new(),
            outputs: BTreeMap::new(),
            providers: BTreeMap::new(),
            resources: BTreeMap::new(),
            deposed: Vec::new(),
            rollouts: BTreeMap::new(),
        }
    }

    pub fn deposed(&self, address: &str, key: &str) -> Option<&StoredInstance> {
        self.deposed.iter().find(|d| d.address == address && d.key == key).map(|d| &d.instance)
    }

    /// Whether both record the same, whoever wrote it and when.
    pub fn same_content(&self, other: &Self) -> bool {
        self.lineage == other.lineage
            && self.recipients == other.recipients
            && self.outputs == other.outputs
            && self.providers == other.providers
            && self.resources == other.resources
            && self.deposed == other.deposed
            && self.rollouts == other.rollouts
    }

    /// The file's text: indented, keys always in the same order.
    pub fn to_text(&self) -> Vec<u8> {
        layout::indent(&serde_json::to_vec(self).expect("all keys are strings"))
    }

    pub(crate) fn from_text(text: &[u8]) -> Result<Self, Unreadable> {
        let error = match serde_json::from_slice::<Self>(text) {
            Ok(mut state) if (OLDEST_FORMAT..=FORMAT).contains(&state.format) => {
                state.format = FORMAT;
                // Whoever edited the file need not know of the order that look-ups rely on.
                state.deposed.sort_by(|a, b| (&a.address, &a.key).cmp(&(&b.address, &b.key)));
                return Ok(state);
            }
            Ok(state) => format!("format {} was never in use", state.format),
            Err(error) => error.to_string(),
        };
        // A newer format may look different in every other respect, so only now is it asked for.
        match serde_json::from_slice::<Stamp>(text) {
            Ok(stamp) if stamp.format > FORMAT => Err(Unreadable::Newer(stamp)),
            _ => Err(Unreadable::Corrupt(error)),
        }
    }
}

/// What every format has.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Stamp {
    pub format: u32,
    #[serde(default)]
    pub mprov_version: String,
}

/// Why a text is no state document of this version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Newer(Stamp),
    /// With the place in the text.
    Corrupt(String),
}

fn is_false(value: &bool) -> bool {
    !value
}
