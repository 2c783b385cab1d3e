use std::collections::HashSet;

use mprov_sdk::{Address, Diagnostic, Diagnostics, ModulePath};

use super::nodes::{Node, Nodes, describe};
use super::tree::Tree;
use crate::graph::NodeId;

/// What `-target` limits a run to: the named blocks and all they depend on.
pub struct Targets {
    /// None without targets: everything.
    included: Option<HashSet<NodeId>>,
    /// Block addresses and module paths as given, without instance keys.
    named: Vec<String>,
}

impl Targets {
    pub fn new(targets: &[String], nodes: &Nodes, tree: &Tree) -> Result<Self, Diagnostics> {
        if targets.is_empty() {
            return Ok(Self { included: None, named: Vec::new() });
        }
        let named = targets.iter().map(|t| without_keys(t)).collect::<Result<Vec<_>, _>>()?;
        let mut open: Vec<NodeId> = nodes
            .dag
            .ids()
            .filter(|id| match nodes.dag.node(*id) {
                node @ Node::Resource(..) => named.iter().any(|n| covers(n, &describe(tree, node))),
                _ => false,
            })
            .collect();
        let mut included = HashSet::new();
        while let Some(id) = open.pop() {
            if included.insert(id) {
                open.extend(nodes.dag.dependencies(id));
            }
        }
        Ok(Self { included: Some(included), named })
    }

    pub fn includes(&self, id: NodeId) -> bool {
        self.included.as_ref().is_none_or(|included| included.contains(&id))
    }

    /// Whether something that is not in the configuration any more is meant.
    pub fn includes_unwanted(&self, block: &str) -> bool {
        self.included.is_none() || self.named.iter().any(|n| covers(n, block))
    }
}

fn covers(target: &str, block: &str) -> bool {
    block == target || block.strip_prefix(target).is_some_and(|rest| rest.starts_with('.'))
}

fn without_keys(target: &str) -> Result<String, Diagnostic> {
    if let Ok(address) = target.parse::<Address>() {
        return Ok(super::order::resource_key(&address));
    }
    match target.parse::<ModulePath>() {
        Ok(path) => Ok(path.0.iter().map(|s| format!("module.{}", s.name)).collect::<Vec<_>>().join(".")),
        Err(_) => Err(Diagnostic::error(2020, format!("-target: \"{target}\" is not an address"))
            .detail("Give a resource as in docker_container.web, or a module as in module.site.")),
    }
}
