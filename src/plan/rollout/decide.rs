use std::collections::BTreeMap;

use mprov_sdk::{
    Address, Diagnostic, Diagnostics, InstanceKey, ModulePath, Name, Object, Type, Value, convert,
};
use mprov_state::Role;

use super::changed::changed;
use super::turn::{RolloutPlan, Turn};
use super::{StoredGeneration, StoredRollout};
use crate::config::eval::evaluate;
use crate::config::{RolloutBlock, Variable};
use crate::plan::evaluator::{Evaluator, GenerationScope, ModuleId};
use crate::plan::expansion::Repetition;
use crate::plan::model::PlanMode;
use crate::plan::tree::TreeId;

/// What one plan does with the generations of all modules, by the module's address.
#[derive(Debug, Default)]
pub struct Rollouts {
    pub plans: BTreeMap<String, RolloutPlan>,
}

impl Rollouts {
    /// Whether a stored instance belongs to a generation that this plan leaves as it is.
    pub fn keeps(&self, address: &Address) -> bool {
        self.place(address).is_some_and(|(plan, id)| {
            plan.turn.evaluated() != Some(id) && !plan.prune.iter().any(|pruned| pruned == id)
        })
    }

    /// Whether a stored instance belongs to a generation that this plan takes away.
    pub fn prunes(&self, address: &Address) -> bool {
        self.place(address).is_some_and(|(plan, id)| {
            plan.turn.evaluated() != Some(id) && plan.prune.iter().any(|pruned| pruned == id)
        })
    }

    /// The rollout and the generation that an instance belongs to.
    pub fn place<'a>(&'a self, address: &'a Address) -> Option<(&'a RolloutPlan, &'a str)> {
        let steps = &address.resource.module.0;
        (0..steps.len()).find_map(|depth| {
            let InstanceKey::Key(id) = &steps[depth].key else { return None };
            let plan = self.plans.get(&without_last_key(&steps[..=depth]))?;
            Some((plan, &**id))
        })
    }
}

/// The address of the module whose generation a path ends in.
fn without_last_key(steps: &[mprov_sdk::ModuleStep]) -> String {
    let (last, outer) = steps.split_last().expect("a path has steps here");
    ModulePath(outer.into()).child(last.name.clone(), InstanceKey::None).to_string()
}

/// Decides which generation of the module a plan is about.
///
/// # Errors
/// The values of the inputs in `on` cannot be evaluated.
pub fn turn(
    evaluator: &Evaluator,
    caller: ModuleId,
    tree: TreeId,
    module: &str,
    stored: &StoredRollout,
    mode: PlanMode,
    rehearsed: Option<&str>,
) -> Result<RolloutPlan, Diagnostics> {
    let call = evaluator.tree.call(tree).expect("a rollout is of a call");
    let rollout = call.rollout.as_ref().expect("the caller looked");
    let next = || format!("g{}", stored.last + 1);
    let unfinished = || stored.generations.iter().filter(|g| g.unfinished && g.role != Role::Live);
    let Some(live) = stored.live() else {
        if rehearsed == Some(module) {
            return Err(nothing_to_rehearse(module).at(call.span).into());
        }
        let mut plan =
            RolloutPlan::new(module.to_owned(), Turn::First { to: next(), slot: stored.free_slot() });
        plan.prune = unfinished().map(|g| g.id.to_string()).collect();
        return Ok(plan);
    };
    let from = live.id.to_string();
    let mut differing = Vec::new();
    let (turn, prune): (Turn, Vec<String>) = match mode {
        PlanMode::Rehearse if rehearsed == Some(module) => {
            if live.was_never_complete() {
                return Err(nothing_to_rehearse(module).at(call.span).into());
            }
            differing = changed(&desired_inputs(evaluator, caller, tree, rollout)?, live);
            let replaced = stored.generations.iter().filter(|g| g.role == Role::Staging);
            let turn = Turn::Rehearse { from, to: next(), slot: stored.free_slot() };
            (turn, replaced.map(|g| g.id.to_string()).collect())
        }
        PlanMode::Rehearse => (Turn::Keep { live: from }, Vec::new()),
        _ if live.was_never_complete() => (Turn::Keep { live: from }, Vec::new()),
        _ => {
            let desired = desired_inputs(evaluator, caller, tree, rollout)?;
            match same_inputs(&desired, live) {
                true => (Turn::Keep { live: from }, unfinished().map(|g| g.id.to_string()).collect()),
                false => {
                    differing = changed(&desired, live);
                    let turn = Turn::CutOver { from, to: next(), slot: stored.free_slot() };
                    (turn, outlived(stored, rollout.keep))
                }
            }
        }
    };
    let mut plan = RolloutPlan::new(module.to_owned(), turn);
    plan.changed = differing;
    plan.prune = prune;
    let incomplete = live.outputs.is_none() || live.was_never_complete();
    plan.records = matches!(plan.turn, Turn::Keep { .. }) && incomplete && mode != PlanMode::Rehearse;
    Ok(plan)
}

/// Makes the instance of the module that the turn is about.
pub fn expand(
    evaluator: &mut Evaluator,
    caller: ModuleId,
    tree: TreeId,
    plan: &RolloutPlan,
    stored: &StoredRollout,
) {
    let Some(id) = plan.turn.evaluated().map(Name::from) else { return };
    let (_, name) = evaluator.tree.get(tree).caller.clone().expect("a rollout is of a call");
    let outputs = |from: &str| stored.get(from).and_then(|g| g.outputs.clone());
    let kept = stored.get(&id);
    let scope = GenerationScope {
        slot: plan.turn.made().map(|(_, slot)| slot).or(kept.map(|g| g.slot)).unwrap_or(1),
        role: match plan.turn {
            Turn::Rehearse { .. } => Role::Staging,
            _ => Role::Live,
        },
        previous: match &plan.turn {
            Turn::Keep { .. } => kept.and_then(|g| g.cloned_from.clone()),
            turn => turn.from().and_then(outputs),
        }
        .unwrap_or(Value::Null),
        id: id.clone(),
    };
    let inputs = match (&plan.turn, kept) {
        (Turn::Keep { .. }, Some(kept)) if !kept.was_never_complete() => kept.inputs.clone(),
        _ => Object::new(),
    };
    let path = evaluator.modules[caller].path.child(name.clone(), InstanceKey::Key(id.clone()));
    evaluator.add_generation(path, tree, (caller, InstanceKey::Key(id), name), scope, inputs);
}

/// Names and addresses of the calls of a tree's module with a rollout, in every calling instance.
pub fn address_of(evaluator: &Evaluator, caller: ModuleId, tree: TreeId) -> String {
    let (_, name) = evaluator.tree.get(tree).caller.clone().expect("a rollout is of a call");
    evaluator.modules[caller].path.child(name, InstanceKey::None).to_string()
}

/// What a cut-over takes away when it is done: all but the newest previous generations, of which
/// the one that is live now will be the first.
fn outlived(stored: &StoredRollout, keep: u32) -> Vec<String> {
    let kept: Vec<&str> = stored.live().into_iter().chain(stored.previous()).map(|g| &*g.id).collect();
    let kept = &kept[..kept.len().min(keep as usize)];
    stored.generations.iter().filter(|g| !kept.contains(&&*g.id)).map(|g| g.id.to_string()).collect()
}

fn desired_inputs(
    evaluator: &Evaluator,
    caller: ModuleId,
    tree: TreeId,
    rollout: &RolloutBlock,
) -> Result<Object, Diagnostics> {
    let definition = evaluator.tree.module(tree);
    let arguments = &evaluator.tree.call(tree).expect("a rollout is of a call").arguments;
    let mut inputs = Object::new();
    for (name, _) in &rollout.on {
        let Some(variable) = definition.variables.get(name) else { continue };
        let value = match arguments.get(name) {
            None => variable.default.clone().unwrap_or(Value::Null),
            Some(expr) => {
                let given = evaluate(expr, &evaluator.scope_of(caller, Repetition::default()))?;
                input(variable, given).map_err(|error| {
                    Diagnostic::error(1204, format!("variable \"{name}\": {error}")).at(expr.span())
                })?
            }
        };
        inputs.set(name.clone(), value);
    }
    Ok(inputs)
}

fn input(variable: &Variable, given: Value) -> Result<Value, mprov_sdk::ConvertError> {
    let given = match given.is_null() && !variable.nullable {
        true => variable.default.clone().unwrap_or(Value::Null),
        false => given,
    };
    match given.is_unknown() {
        true => Ok(Value::unknown(Type::Any)),
        false => convert(&given, &variable.ty),
    }
}

/// An input that was not yet named in `on` when the generation was made decides nothing.
fn same_inputs(desired: &Object, live: &StoredGeneration) -> bool {
    desired.iter().all(|(name, value)| match live.inputs.lookup(name) {
        Some(stored) => value.is_wholly_known() && value.same(stored),
        None => true,
    })
}

fn nothing_to_rehearse(module: &str) -> Diagnostic {
    Diagnostic::error(2071, format!("{module} has no live generation yet"))
        .detail("The first generation needs no rehearsal: run mprov apply.")
}
