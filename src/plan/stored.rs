use std::collections::BTreeMap;

use mprov_sdk::{Address, Name, Object, Value};

use super::rollout::StoredRollout;
use super::sessions::Connection;

/// What the last apply recorded of one instance, in the types of its schema.
#[derive(Clone, Debug)]
pub struct StoredInstance {
    pub attributes: Object,
    /// Address of the provider configuration that made it.
    pub provider: String,
    /// Addresses of resources, without instance keys.
    pub dependencies: Vec<String>,
    pub tainted: bool,
    pub create_before_destroy: bool,
    pub prevent_destroy: bool,
}

/// What an earlier replacement left behind.
#[derive(Clone, Debug)]
pub struct Deposed {
    pub address: Address,
    pub key: String,
    pub instance: StoredInstance,
}

/// The stored state as the planner sees it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub lineage: Option<String>,
    pub serial: u64,
    pub instances: BTreeMap<Address, StoredInstance>,
    pub deposed: Vec<Deposed>,
    /// How each provider configuration connected last, for what is not in the configuration any more.
    pub connections: BTreeMap<String, Connection>,
    pub outputs: BTreeMap<Name, Value>,
    /// Generations, by the module's address.
    pub rollouts: BTreeMap<String, StoredRollout>,
}
