use std::collections::{BTreeMap, BTreeSet};

use mprov_sdk::{Address, Mode, Object, Value};
use mprov_state::{Combination, Role};

use super::InRole;
use super::combination::combination;
use super::turn::RolloutPlan;
use crate::config::eval::evaluate_body;
use crate::plan::StoredInstance;
use crate::plan::evaluator::ModuleId;
use crate::plan::resolver::Resolver;

/// What is recorded of a generation, so that going back needs neither the old files nor the
/// network.
#[derive(Clone, Debug)]
pub struct GenerationRecord {
    pub inputs: Object,
    pub combination: Combination,
    /// None while something of it is not known.
    pub outputs: Option<Value>,
    pub roles: BTreeMap<Role, BTreeMap<Address, InRole>>,
    pub outside: BTreeMap<Address, Object>,
}

/// The roles that a generation can be brought into.
const ROLES: [Role; 2] = [Role::Live, Role::Previous];

impl Resolver {
    /// What is to be recorded of the generation that a rollout is about, as it is known now; none
    /// where it was not evaluated.
    pub fn generation(&mut self, plan: &RolloutPlan) -> Option<GenerationRecord> {
        let id = plan.turn.evaluated()?;
        let path = format!("{}[\"{id}\"]", plan.module);
        let module = self.module_at(&path)?;
        let tree = self.evaluator().tree.get(self.evaluator().modules[module].tree);
        let (caller_tree, name) = tree.caller.clone()?;
        let rollout = self.evaluator().tree.module(caller_tree).calls[&name].rollout.clone()?;
        let evaluator = self.evaluator();
        let inputs = rollout.on.iter().filter_map(|(name, _)| {
            let value = evaluator.variable(module, name).ok()?;
            value.is_wholly_known().then(|| (name.clone(), value))
        });
        let inputs: Object = inputs.collect();
        let combination = combination(evaluator, module, &rollout).combination;
        let outputs = evaluator.outputs(module);
        let outputs = outputs.is_wholly_known().then_some(outputs);
        let roles = self.roles(module);
        let outside = self.outside(plan);
        Some(GenerationRecord { inputs, combination, outputs, roles, outside })
    }

    /// Only what differs from role to role.
    fn roles(&mut self, module: ModuleId) -> BTreeMap<Role, BTreeMap<Address, InRole>> {
        let instances: BTreeMap<Role, BTreeMap<Address, InRole>> = ROLES
            .into_iter()
            .map(|role| {
                let shadow = self.evaluator_mut().in_role(module, role);
                (role, self.instances(shadow))
            })
            .collect();
        let all: BTreeSet<&Address> = instances.values().flat_map(BTreeMap::keys).collect();
        let config = |role: Role, address: &Address| {
            instances[&role].get(address).and_then(|i| i.instance.as_ref()).map(|i| &i.attributes)
        };
        let differs = |address: &&Address| {
            let configs = ROLES.map(|role| config(role, address));
            match configs {
                [Some(a), Some(b)] => !Value::from(a.clone()).same(&Value::from(b.clone())),
                [a, b] => a.is_some() != b.is_some(),
            }
        };
        let differing: Vec<Address> = all.into_iter().filter(differs).cloned().collect();
        let mut found = BTreeMap::new();
        for role in ROLES {
            let entries = differing.iter().map(|address| {
                let there = instances[&role].get(address).cloned();
                let anywhere = ROLES.iter().find_map(|r| instances[r].get(address));
                let after_switch = anywhere.is_some_and(|i| i.after_switch);
                (address.clone(), there.unwrap_or(InRole { instance: None, after_switch }))
            });
            found.insert(role, entries.collect::<BTreeMap<_, _>>());
        }
        if differing.is_empty() { BTreeMap::new() } else { found }
    }

    /// Every instance of the module's own blocks that can be evaluated, with its configuration.
    fn instances(&self, module: ModuleId) -> BTreeMap<Address, InRole> {
        let evaluator = self.evaluator();
        let tree = evaluator.modules[module].tree;
        let mut found = BTreeMap::new();
        for block in evaluator.tree.module(tree).resources.values() {
            let Some(kind) = self.kinds().get(Mode::Managed, &block.id.kind) else { continue };
            if block.id.mode != Mode::Managed {
                continue;
            }
            let Ok(keys) = evaluator.keys(module, &block.repeat) else { continue };
            for (key, repetition) in keys.instances {
                let scope = evaluator.scope_of(module, repetition);
                let Ok(config) = evaluate_body(&block.body, &kind.schema, &scope) else { continue };
                let instance = StoredInstance {
                    attributes: crate::plan::marked(config, &kind.schema),
                    provider: self.provider_of(module, block, kind),
                    dependencies: self.dependencies(tree, &block.id),
                    tainted: false,
                    create_before_destroy: block.lifecycle.create_before_destroy,
                    prevent_destroy: block.lifecycle.prevent_destroy,
                };
                let in_role = InRole { instance: Some(instance), after_switch: block.lifecycle.after_switch };
                found.insert(evaluator.address(module, &block.id, key), in_role);
            }
        }
        found
    }

    /// What the configuration says of the things outside, as they are now.
    fn outside(&self, plan: &RolloutPlan) -> BTreeMap<Address, Object> {
        let of = |text: &String| {
            let address: Address = text.parse().ok()?;
            let kind = self.kinds().get(address.resource.mode, &address.resource.kind)?;
            let value = self.instance(&address)?;
            let settable = value.as_object()?.iter().filter(|(name, _)| {
                kind.schema.attributes.get(*name).is_some_and(mprov_sdk::Attribute::is_settable)
            });
            let config: Object = settable.map(|(n, v)| (n.clone(), v.clone())).collect();
            config.is_wholly_known().then_some((address, config))
        };
        plan.outside.iter().filter_map(of).collect()
    }
}
