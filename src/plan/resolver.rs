use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mprov_sdk::{Address, Diagnostic, Diagnostics, ModulePath, Name, Object, Value};

use super::conditions;
use super::decide::{all_unknown, marked};
use super::evaluator::{Evaluator, ModuleId};
use super::expansion::Repetition;
use super::kinds::{Kind, Kinds};
use super::model::{Action, Plan, Step};
use super::nodes::{Node, Nodes, used_places};
use super::order::Links;
use super::providers::{config_object, provider_address};
use super::rollout;
use super::sessions::Connection;
use super::stored::Stored;
use super::tree::{ProviderPlace, Tree, TreeId};
use crate::config::eval::evaluate_body;
use crate::config::{Module, ProviderRef, ResourceBlock, ResourceId};

/// Evaluates, in an apply, what a plan left unknown, as steps make it known.
pub struct Resolver {
    evaluator: Evaluator,
    kinds: Arc<Kinds>,
    providers: HashMap<String, (ModuleId, ProviderPlace)>,
    modules: HashMap<ModulePath, ModuleId>,
    targeted: bool,
    /// By block: what its instances depend on, as it is recorded.
    dependencies: HashMap<(TreeId, ResourceId), Vec<String>>,
}

impl Resolver {
    /// From the evaluator that made the plan.
    pub fn new(
        mut evaluator: Evaluator,
        nodes: &Nodes,
        kinds: Arc<Kinds>,
        targeted: bool,
        now: &str,
    ) -> Self {
        evaluator.go_live(now.to_owned());
        let mut providers = HashMap::new();
        for id in nodes.dag.ids() {
            let Node::Provider(place) = nodes.dag.node(id) else { continue };
            for &module in evaluator.instances(place.tree) {
                providers.insert(provider_address(&evaluator, module, place), (module, place.clone()));
            }
        }
        let modules = evaluator.modules.iter().enumerate().map(|(id, m)| (m.path.clone(), id)).collect();
        let dependencies = dependencies(nodes, &evaluator.tree);
        Self { evaluator, kinds, providers, modules, targeted, dependencies }
    }

    /// From a saved plan: the values of all instances come from the plan and from the state that
    /// it was made from.
    pub fn restore(
        mut evaluator: Evaluator,
        nodes: &Nodes,
        kinds: Arc<Kinds>,
        plan: &Plan,
        stored: &Stored,
        targeted: bool,
        now: &str,
    ) -> Result<Self, Diagnostics> {
        let mut values: HashMap<&Address, &Object> =
            stored.instances.iter().map(|(a, i)| (a, &i.attributes)).collect();
        for (from, to) in &plan.moves {
            if let Some(attributes) = values.remove(from) {
                values.insert(to, attributes);
            }
        }
        values.extend(plan.data.iter().map(|d| (&d.address, &d.attributes)));
        values.extend(plan.refreshed.iter().filter_map(|r| Some((&r.address, r.attributes.as_ref()?))));
        values.extend(plan.steps.iter().filter_map(|s| Some((&s.address, s.after.as_ref()?))));
        for &id in &nodes.order {
            match nodes.dag.node(id) {
                Node::Call(tree) => restore_call(&mut evaluator, *tree, plan, stored)?,
                Node::Resource(tree, resource) => {
                    let definition = evaluator.tree.module(*tree).clone();
                    let block = &definition.resources[resource];
                    for module in evaluator.instances(*tree).to_vec() {
                        let keys = evaluator.keys(module, &block.repeat)?;
                        evaluator.expand(module, resource, &keys);
                        for (key, _) in keys.instances {
                            let address = evaluator.address(module, resource, key.clone());
                            let attributes = match values.get(&address) {
                                Some(attributes) => (*attributes).clone(),
                                None => {
                                    let kind = kinds.get(resource.mode, &resource.kind);
                                    kind.map(|k| all_unknown(&k.schema, &address)).unwrap_or_default()
                                }
                            };
                            evaluator.set_instance(module, resource, key, attributes);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Self::new(evaluator, nodes, kinds, targeted, now))
    }

    /// The attributes that a step is to bring about, all known; null where the provider decides.
    ///
    /// # Errors
    /// The configuration now says something else than the plan did, or still does not know.
    pub fn desired(&self, step: &Step) -> Result<Object, Diagnostics> {
        let planned = step.after.as_ref().expect("only steps with an outcome are resolved");
        let decided = step.action != Action::Read && planned.is_wholly_known();
        let place = match self.place(&step.address) {
            Ok(place) => place,
            // Of another generation: what is recorded of it is all known, and the rest is the
            // provider's to decide.
            Err(_) if step.phase.is_some() => return Ok(without_unknown(planned)),
            Err(errors) => return Err(errors),
        };
        let block = place.block();
        if decided && block.lifecycle.preconditions.is_empty() {
            return Ok(planned.clone());
        }
        let kind = self.kinds.get(block.id.mode, &block.id.kind).expect("it was planned");
        let scope = self.evaluator.scope_of(place.module, place.repetition.clone());
        let what = format!("a precondition of {} does not hold", step.address);
        let failed = conditions::check(&block.lifecycle.preconditions, 2010, &what, &scope);
        if !failed.is_empty() {
            return Err(failed);
        }
        if decided {
            return Ok(planned.clone());
        }
        let config = evaluate_body(&block.body, &kind.schema, &scope)?;
        let mut desired = Object::new();
        for (name, attribute) in &kind.schema.attributes {
            let (promised, now) = (&planned[name], &config[name]);
            let value = match (promised.is_wholly_known(), now.is_null()) {
                (true, _) => promised.clone(),
                (false, true) => Value::Null,
                (false, false) => now.clone().with_sensitivity(attribute.sensitive),
            };
            if !value.is_wholly_known() {
                return Err(Diagnostic::error(
                    3010,
                    format!("\"{name}\" of {} is still unknown", step.address),
                )
                .at(block.span)
                .detail("What it is made from is not part of this run. Apply without -target.")
                .into());
            }
            desired.set(name.clone(), value);
        }
        Ok(desired)
    }

    /// How a provider configuration of the HCL connects; none where the HCL has none of that
    /// address.
    pub fn connection(&self, address: &str) -> Result<Option<Connection>, Diagnostics> {
        let Some((module, place)) = self.providers.get(address) else { return Ok(None) };
        let provider = self.kinds.provider(&place.reference.name).expect("it was planned");
        let config = config_object(&self.evaluator, provider.as_ref(), *module, place)?;
        if !config.is_wholly_known() {
            return Err(Diagnostic::error(
                3011,
                format!("the configuration of provider {address} is still unknown"),
            )
            .detail("What it is made from is not part of this run. Apply without -target.")
            .into());
        }
        let uses = used_places(&self.evaluator.tree, &self.kinds, place)
            .iter()
            .map(|used| provider_address(&self.evaluator, *module, used))
            .collect();
        Ok(Some(Connection { provider: place.reference.name.to_string(), config, uses }))
    }

    /// Takes over what a step brought about.
    ///
    /// # Errors
    /// A postcondition does not hold. The attributes are taken over all the same.
    pub fn record(&mut self, address: &Address, attributes: Object) -> Result<(), Diagnostics> {
        let Ok(place) = self.place(address) else { return Ok(()) };
        let block = place.block();
        let kind = self.kinds.get(block.id.mode, &block.id.kind).expect("it was planned");
        let attributes = marked(attributes, &kind.schema);
        let own = Value::from(attributes.clone());
        self.evaluator.set_instance(place.module, &block.id, address.key.clone(), attributes);
        if block.lifecycle.postconditions.is_empty() {
            return Ok(());
        }
        let scope = self.evaluator.scope_of(place.module, place.repetition.clone()).with_self(own);
        let what = format!("a postcondition of {address} does not hold");
        let failed = conditions::check(&block.lifecycle.postconditions, 2012, &what, &scope);
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// The outputs of the root module that are known now. None in a run with targets, which leaves
    /// the stored ones alone.
    pub fn outputs(&self) -> Option<BTreeMap<Name, Value>> {
        if self.targeted {
            return None;
        }
        let declared = &self.evaluator.tree.module(Tree::ROOT).outputs;
        let known = declared.keys().filter_map(|name| {
            let value = self.evaluator.output(0, name).ok()?;
            value.is_wholly_known().then(|| (name.clone(), value))
        });
        Some(known.collect())
    }

    fn place(&self, address: &Address) -> Result<Place, Diagnostics> {
        let id = ResourceId {
            mode: address.resource.mode,
            kind: address.resource.kind.clone(),
            name: address.resource.name.clone(),
        };
        let find = || {
            let module = *self.modules.get(address.module())?;
            let definition = self.evaluator.tree.module(self.evaluator.modules[module].tree).clone();
            let repetition = self.evaluator.expansion(module, &id)?.repetition(&address.key)?.clone();
            definition.resources.contains_key(&id).then_some((module, definition, repetition))
        };
        let Some((module, definition, repetition)) = find() else {
            return Err(Diagnostic::error(
                3012,
                format!("{address} is not in the configuration of this plan"),
            )
            .detail("Please report this.")
            .into());
        };
        Ok(Place { module, definition, id, repetition })
    }
}

/// For what knows the resolver's parts.
impl Resolver {
    pub(super) fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    pub(super) fn evaluator_mut(&mut self) -> &mut Evaluator {
        &mut self.evaluator
    }

    pub(super) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The module instance of that path.
    pub(super) fn module_at(&self, path: &str) -> Option<ModuleId> {
        self.modules.get(&path.parse::<ModulePath>().ok()?).copied()
    }

    pub(super) fn dependencies(&self, tree: TreeId, id: &ResourceId) -> Vec<String> {
        self.dependencies.get(&(tree, id.clone())).cloned().unwrap_or_default()
    }

    /// Address of the provider configuration of a block in that module instance.
    pub(super) fn provider_of(&self, module: ModuleId, block: &ResourceBlock, kind: &Kind) -> String {
        let tree = self.evaluator.modules[module].tree;
        let default = ProviderRef { name: kind.provider_name.into(), alias: None };
        let reference = block.provider.as_ref().map_or(default, |(r, _)| r.clone());
        let place = self.evaluator.tree.provider_place(tree, &reference);
        provider_address(&self.evaluator, module, &place)
    }

    /// The attributes of an instance, as they are known now.
    pub(super) fn instance(&self, address: &Address) -> Option<Value> {
        let place = self.place(address).ok()?;
        self.evaluator.expansion(place.module, &place.id)?.get(&address.key).cloned()
    }
}

fn dependencies(nodes: &Nodes, tree: &Tree) -> HashMap<(TreeId, ResourceId), Vec<String>> {
    // Only rollouts ask.
    if tree.ids().all(|id| tree.call(id).is_none_or(|call| call.rollout.is_none())) {
        return HashMap::new();
    }
    let links = Links::new(nodes, tree, BTreeMap::new());
    let of = |id| match nodes.dag.node(id) {
        Node::Resource(tree, resource) => Some(((*tree, resource.clone()), links.dependencies(id))),
        _ => None,
    };
    nodes.dag.ids().filter_map(of).collect()
}

/// Makes the instances of a called module as the plan has decided them.
fn restore_call(
    evaluator: &mut Evaluator,
    tree: TreeId,
    plan: &Plan,
    stored: &Stored,
) -> Result<(), Diagnostics> {
    if evaluator.tree.call(tree).is_none_or(|call| call.rollout.is_none()) {
        return evaluator.expand_call(tree);
    }
    let Some((caller_tree, _)) = evaluator.tree.get(tree).caller.clone() else { return Ok(()) };
    for caller in evaluator.instances(caller_tree).to_vec() {
        let module = rollout::address_of(evaluator, caller, tree);
        let Some(rollout) = plan.rollouts.iter().find(|r| r.module == module) else { continue };
        let generations = stored.rollouts.get(&module).cloned().unwrap_or_default();
        rollout::expand(evaluator, caller, tree, rollout, &generations);
    }
    Ok(())
}

fn without_unknown(planned: &Object) -> Object {
    let known = |value: &Value| if value.is_wholly_known() { value.clone() } else { Value::Null };
    planned.iter().map(|(name, value)| (name.clone(), known(value))).collect()
}

/// Where an instance stands in the configuration.
struct Place {
    module: ModuleId,
    definition: Arc<Module>,
    id: ResourceId,
    repetition: Repetition,
}

impl Place {
    fn block(&self) -> &ResourceBlock {
        &self.definition.resources[&self.id]
    }
}
