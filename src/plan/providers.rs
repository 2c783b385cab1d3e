use std::collections::HashSet;

use mprov_sdk::{Diagnostics, Object};

use super::evaluator::ModuleId;
use super::nodes::{Node, Nodes, used_places};
use super::planner::{Pending, Work};
use super::resources::placed;
use super::sessions::Connection;
use super::tree::{ProviderPlace, Tree, join_path};
use crate::config::eval::evaluate_body;
use crate::graph::NodeId;

impl Work {
    /// Evaluates a provider configuration in every instance of its module, and notes which can be
    /// connected now.
    pub fn visit_provider(&mut self, id: NodeId, place: &ProviderPlace) -> Result<(), Diagnostics> {
        // What it is configured from is going to be made: it cannot be reached yet, even where
        // all its values are known.
        let reachable = self.pending[id.index()] < Pending::Create;
        for &module in self.evaluator.instances(place.tree).to_vec().iter() {
            let config = provider_config(self, module, place)?;
            self.check_provider(place, &config)?;
            let address = provider_address(&self.evaluator, module, place);
            let uses = provider_uses(self, module, place);
            let lent = uses.iter().all(|used| self.available.contains(used));
            if config.is_wholly_known() && reachable && lent {
                let connection = Connection { provider: place.reference.name.to_string(), config, uses };
                self.sessions.declare(&address, connection);
                self.available.insert(address);
            }
        }
        // A configuration that changes is no reason not to look at what it leads to.
        if self.pending[id.index()] == Pending::Update {
            self.pending[id.index()] = Pending::No;
        }
        Ok(())
    }

    /// What the provider has against its configuration.
    fn check_provider(&self, place: &ProviderPlace, config: &Object) -> Result<(), Diagnostics> {
        let name = &place.reference.name;
        let module = self.evaluator.tree.module(place.tree);
        let Some(block) = module.providers.get(&place.reference) else { return Ok(()) };
        let provider = self.kinds.provider(name).expect("unknown providers were reported");
        let address = format!("provider.{}", place.reference);
        let found = placed(provider.validate(name, config), &block.body, block.span, &address);
        if found.has_errors() { Err(found) } else { Ok(()) }
    }

    /// Address of the provider configuration of a block in that module instance.
    pub fn provider_of(&self, module: ModuleId, place: &ProviderPlace) -> String {
        provider_address(&self.evaluator, module, place)
    }
}

pub fn provider_config(work: &Work, module: ModuleId, place: &ProviderPlace) -> Result<Object, Diagnostics> {
    let provider = work.kinds.provider(&place.reference.name).expect("unknown providers were reported");
    config_object(&work.evaluator, provider.as_ref(), module, place)
}

/// The attributes of a provider configuration; defaults where there is no block.
pub fn config_object(
    evaluator: &super::evaluator::Evaluator,
    provider: &dyn mprov_sdk::Provider,
    module: ModuleId,
    place: &ProviderPlace,
) -> Result<Object, Diagnostics> {
    let schema = &provider.schema().config;
    match evaluator.tree.module(place.tree).providers.get(&place.reference) {
        Some(block) => evaluate_body(&block.body, schema, &evaluator.scope(module)),
        None => Ok(schema
            .attributes
            .iter()
            .map(|(name, a)| (name.clone(), a.default.clone().unwrap_or(mprov_sdk::Value::Null)))
            .collect()),
    }
}

/// `docker.remote`, with the path of the module instance it belongs to. Seen from any module
/// instance below that one.
pub fn provider_address(
    evaluator: &super::evaluator::Evaluator,
    module: ModuleId,
    place: &ProviderPlace,
) -> String {
    let mut owner = module;
    while evaluator.modules[owner].tree != place.tree {
        owner = match &evaluator.modules[owner].caller {
            Some((caller, _)) => *caller,
            None => break,
        };
    }
    join_path(&evaluator.modules[owner].path.to_string(), &place.reference)
}

pub fn provider_uses(work: &Work, module: ModuleId, place: &ProviderPlace) -> Vec<String> {
    used_places(&work.evaluator.tree, &work.kinds, place)
        .iter()
        .map(|used| provider_address(&work.evaluator, module, used))
        .collect()
}

/// Blocks with `create_before_destroy`, and all resource blocks they depend on: a dependency that
/// were destroyed first would have to wait for what is created from it.
pub fn create_first(nodes: &Nodes, tree: &Tree) -> HashSet<NodeId> {
    let dependencies = nodes.resource_dependencies();
    let mut open: Vec<NodeId> = nodes
        .dag
        .ids()
        .filter(|id| match nodes.dag.node(*id) {
            Node::Resource(t, resource) => {
                tree.module(*t).resources[resource].lifecycle.create_before_destroy
            }
            _ => false,
        })
        .collect();
    let mut found = HashSet::new();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(dependencies[id.index()].iter().copied());
        }
    }
    found
}
