use mprov_sdk::{Address, Diagnostic, Diagnostics, InstanceKey, Mode, Span};

use super::conditions;
use super::expansion::Shape;
use super::model::{Action, DriftKind, Reason};
use super::moves::rename;
use super::nodes::Node;
use super::planner::{Job, Work, interrupted};
use super::tree::TreeId;
use super::watch::fault_diagnostic;
use crate::config::eval::evaluate_body;
use crate::config::{Body, ProviderRef, ResourceId};
use crate::graph::NodeId;

impl Work {
    /// Evaluates all instances of a resource block.
    pub fn visit_resource(&mut self, tree: TreeId, resource: &ResourceId) -> Result<Vec<Job>, Diagnostics> {
        let definition = self.evaluator.tree.module(tree).clone();
        let block = &definition.resources[resource];
        let kind =
            self.kinds.get(resource.mode, &resource.kind).expect("unknown kinds were reported").clone();
        let default = ProviderRef { name: kind.provider_name.into(), alias: None };
        let reference = block.provider.as_ref().map_or(default, |(r, _)| r.clone());
        let place = self.evaluator.tree.provider_place(tree, &reference);

        let mut jobs = Vec::new();
        let mut diagnostics = Diagnostics::new();
        for module in self.evaluator.instances(tree).to_vec() {
            let keys = match self.evaluator.keys(module, &block.repeat) {
                Ok(keys) => keys,
                Err(errors) => {
                    diagnostics.extend(errors);
                    continue;
                }
            };
            self.evaluator.expand(module, resource, &keys);
            let provider = self.provider_of(module, &place);
            for (key, repetition) in keys.instances {
                let address = self.evaluator.address(module, resource, key.clone());
                self.implied_move(&address, keys.shape);
                self.visited.insert(address.clone());
                let scope = self.evaluator.scope_of(module, repetition.clone());
                let what = format!("a precondition of {address} does not hold");
                let failed = conditions::check(&block.lifecycle.preconditions, 2010, &what, &scope);
                if !failed.is_empty() {
                    diagnostics.extend(failed);
                    continue;
                }
                match evaluate_body(&block.body, &kind.schema, &scope) {
                    Ok(config) => {
                        let found = kind.provider.validate(&resource.kind, &config);
                        diagnostics.extend(placed(found, &block.body, block.span, &address.to_string()));
                        jobs.push(Job {
                            module,
                            key,
                            address,
                            provider: provider.clone(),
                            config,
                            repetition,
                        });
                    }
                    Err(errors) => diagnostics.extend(errors),
                }
            }
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        self.diagnostics.extend(diagnostics);
        Ok(jobs)
    }

    /// A block that gets or loses its `count` keeps its first instance.
    fn implied_move(&mut self, address: &Address, shape: Shape) {
        if self.stored.instances.contains_key(address) {
            return;
        }
        let from = match (shape, &address.key) {
            (Shape::Once, InstanceKey::None) => InstanceKey::Index(0),
            (Shape::Count, InstanceKey::Index(0)) => InstanceKey::None,
            _ => return,
        };
        let from = address.resource.instance(from);
        rename(&mut self.stored.instances, &mut self.moves, from, address.clone());
    }

    /// Plans the removal of what is stored and not wanted any more.
    pub async fn unwanted(&mut self, cancel: &mprov_sdk::CancellationToken) -> Result<(), Diagnostics> {
        let addresses: Vec<Address> =
            self.stored.instances.keys().filter(|a| !self.visited.contains(*a)).cloned().collect();
        // A block that could not be evaluated says nothing about its instances.
        let addresses: Vec<Address> = addresses
            .into_iter()
            .filter(|a| !self.is_poisoned(a))
            .filter(|a| !self.rollouts.keeps(a))
            .filter(|a| {
                self.rollouts.prunes(a) || self.targets.includes_unwanted(&super::order::resource_key(a))
            })
            .collect();
        for address in addresses {
            if cancel.is_cancelled() {
                return Err(interrupted());
            }
            self.unwanted_one(address).await;
        }
        for deposed in std::mem::take(&mut self.stored.deposed) {
            let Some(kind) = self.kinds.get(Mode::Managed, &deposed.address.resource.kind).cloned() else {
                self.diagnostics.push(no_provider(&deposed.address));
                continue;
            };
            let mut draft = super::draft::Draft::new(
                deposed.address.clone(),
                Action::Delete,
                deposed.instance.provider.clone(),
                self.node_of(&deposed.address),
            )
            .before(Some(deposed.instance.attributes.clone()))
            .impact(super::decide::delete_impact(&kind.schema))
            .undo(super::decide::delete_undo(&kind.schema))
            .reason(Some(Reason::Deposed));
            draft.step.deposed = Some(deposed.key.clone());
            draft.step.dependencies = deposed.instance.dependencies.clone();
            self.drafts.push(draft);
        }
        Ok(())
    }

    async fn unwanted_one(&mut self, address: Address) {
        let Some(instance) = self.stored.instances.get(&address).cloned() else { return };
        let Some(kind) = self.kinds.get(Mode::Managed, &address.resource.kind).cloned() else {
            self.diagnostics.push(no_provider(&address));
            return;
        };
        let mut before = instance.attributes.clone();
        let pruned = self.rollouts.prunes(&address);
        let looks = self.options.refresh
            && self.options.mode == super::model::PlanMode::Normal
            && !kind.schema.is_value
            && self.sessions.connection(&instance.provider).is_some();
        if looks {
            match self.read_stored(&address, &instance).await {
                Ok(Some(observed)) => before = observed,
                Ok(None) => {
                    self.drift.push(super::model::Drift { address: address.clone(), kind: DriftKind::Gone });
                    self.refreshed.push(super::model::Refreshed { address, attributes: None });
                    return;
                }
                // It may live in something that is going as well: the delete will tell.
                Err(fault) if self.unwanted_with_it(&instance) => drop(fault),
                Err(fault) => {
                    self.diagnostics.push(fault_diagnostic(2050, &fault, &address));
                    return;
                }
            }
        }
        if instance.prevent_destroy {
            let why = match self.options.mode {
                super::model::PlanMode::Destroy => "everything is to be destroyed",
                _ => "it is not in the configuration any more",
            };
            self.diagnostics.push(super::decide::prevented(&address, why));
            return;
        }
        let reason = match self.options.mode {
            super::model::PlanMode::Destroy => None,
            _ if pruned => Some(Reason::GenerationGone),
            _ => match self.node_of(&address) {
                Some(_) => Some(Reason::KeyGone),
                None => Some(Reason::NotInConfiguration),
            },
        };
        let generation = self.rollouts.place(&address).filter(|_| pruned).and_then(|(plan, id)| {
            self.stored.rollouts.get(&plan.module).and_then(|rollout| rollout.get(id))
        });
        let impact = match generation {
            Some(generation) => super::rollout::gone_impact(&kind.schema, generation),
            None => super::decide::delete_impact(&kind.schema),
        };
        let mut draft = super::draft::Draft::new(
            address.clone(),
            Action::Delete,
            instance.provider.clone(),
            self.node_of(&address),
        )
        .before(Some(before))
        .impact(impact)
        .undo(super::decide::delete_undo(&kind.schema))
        .reason(reason);
        draft.step.dependencies = instance.dependencies.clone();
        self.drafts.push(draft);
    }

    async fn read_stored(
        &self,
        address: &Address,
        instance: &super::stored::StoredInstance,
    ) -> Result<Option<mprov_sdk::Object>, mprov_sdk::Fault> {
        let session = self.sessions.get(&instance.provider).await?;
        match session.resource(&address.resource.kind) {
            Some(resource) => resource.read(&self.call(address), &instance.attributes).await,
            None => Ok(Some(instance.attributes.clone())),
        }
    }

    fn unwanted_with_it(&self, instance: &super::stored::StoredInstance) -> bool {
        let gone = |key: &String| {
            self.stored
                .instances
                .keys()
                .any(|a| super::order::resource_key(a) == *key && !self.visited.contains(a))
        };
        instance.dependencies.iter().any(gone)
    }

    /// The node of the block that an instance belongs to, where it is still in the configuration.
    pub fn node_of(&self, address: &Address) -> Option<NodeId> {
        let mut tree = super::tree::Tree::ROOT;
        for step in address.resource.module.0.iter() {
            tree = self.evaluator.tree.child(tree, &step.name)?;
        }
        let id = ResourceId {
            mode: address.resource.mode,
            kind: address.resource.kind.clone(),
            name: address.resource.name.clone(),
        };
        self.nodes.by_node.get(&Node::Resource(tree, id)).copied()
    }

    fn is_poisoned(&self, address: &Address) -> bool {
        self.node_of(address).is_some_and(|node| self.poisoned.contains(&node))
    }
}

fn no_provider(address: &Address) -> Diagnostic {
    Diagnostic::error(2030, format!("no provider of this version knows the type of {address}"))
        .detail("It is in the state, so it cannot be planned without its provider. Use the version of mprov that made it.")
}

/// Gives a provider's findings their place: the argument they name, or the block.
pub fn placed(found: Diagnostics, body: &Body, block: Span, address: &str) -> Diagnostics {
    found
        .into_iter()
        .map(|mut d| {
            let argument = d.address.take();
            let span = argument
                .as_ref()
                .and_then(|name| body.arguments.get(name).map(|a| a.expr.span()))
                .or_else(|| {
                    let named =
                        |b: &&crate::config::NestedBlock| argument.as_ref().is_some_and(|n| b.name == *n);
                    body.blocks.iter().find(named).map(|b| b.span)
                });
            d.span = d.span.or(span).or(Some(block));
            d.address = Some(address.into());
            d
        })
        .collect()
}
