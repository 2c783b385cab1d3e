use std::collections::BTreeMap;

use mprov_sdk::{Address, Seal, Value};
use mprov_state::{Generation, InRole, RawJson, Rehearsal, Role, Rollout, StateError, StoredInstance};

use crate::plan::{GenerationRecord, Kinds, RolloutPlan, Turn};

/// So many rehearsals are kept on record for each module.
const REHEARSALS: usize = 10;

/// The generations before anything is done: the one that is made is known, and not complete.
pub fn begun(
    rollout: &Rollout,
    plan: &RolloutPlan,
    record: Option<&GenerationRecord>,
    now: &str,
    seal: &dyn Seal,
) -> Result<Rollout, StateError> {
    let mut next = rollout.clone();
    let empty = Value::object::<&str>([]);
    if let Some(adopted) = plan.turn.stays()
        && next.generations.is_empty()
    {
        // The module had no rollout until now: what it had is its first generation.
        next.generations.push(new_generation(
            adopted,
            1,
            Role::Live,
            now,
            RawJson::encode_value(&empty, seal)?,
        ));
        next.last = next.last.max(1);
    }
    let Some((id, slot)) = plan.turn.made() else { return Ok(next) };
    let is_first = matches!(plan.turn, Turn::First { .. });
    let role = if is_first { Role::Live } else { Role::Staging };
    let mut generation = Generation {
        unfinished: true,
        previous: plan.turn.from().map(str::to_owned),
        cloned_from: plan.turn.from().and_then(|from| rollout.get(from)?.outputs.clone()),
        switched: is_first.then(|| now.to_owned()),
        ..new_generation(id, slot, role, now, RawJson::encode_value(&empty, seal)?)
    };
    if let Some(record) = record {
        generation.inputs = RawJson::encode_value(&record.inputs.clone().into(), seal)?;
        generation.combination = record.combination.clone();
    }
    next.last = next.last.max(generation.number());
    next.generations.push(generation);
    Ok(next)
}

fn new_generation(id: &str, slot: u32, role: Role, now: &str, inputs: RawJson) -> Generation {
    Generation {
        id: id.to_owned(),
        slot,
        role,
        unfinished: false,
        previous: None,
        cloned_from: None,
        made: now.to_owned(),
        switched: None,
        inputs,
        combination: BTreeMap::new(),
        outputs: None,
        roles: BTreeMap::new(),
        outside: BTreeMap::new(),
    }
}

/// The generations once users are switched.
pub fn switched(
    rollout: &Rollout,
    plan: &RolloutPlan,
    record: Option<&GenerationRecord>,
    now: &str,
    seal: &dyn Seal,
) -> Result<Rollout, StateError> {
    let mut next = rollout.clone();
    let (from, to) = match &plan.turn {
        Turn::CutOver { from, to, .. } | Turn::Rollback { from, to } => (from, to),
        _ => return Ok(next),
    };
    if let Some(old) = next.get_mut(from) {
        old.role = Role::Previous;
        if matches!(plan.turn, Turn::Rollback { .. }) {
            let combination = old.combination.clone();
            // It has to be proved anew before users are switched to it again.
            next.rehearsals.retain(|r| r.combination != combination);
            if !next.rolled_back.contains(&combination) {
                next.rolled_back.push(combination);
            }
        }
    }
    if let Some(new) = next.get_mut(to) {
        new.role = Role::Live;
        new.unfinished = false;
        new.switched = Some(now.to_owned());
        if let Some(record) = record {
            new.inputs = RawJson::encode_value(&record.inputs.clone().into(), seal)?;
            new.combination = record.combination.clone();
        }
    }
    for id in &plan.prune {
        if let Some(pruned) = next.get_mut(id) {
            pruned.unfinished = true;
        }
    }
    Ok(next)
}

/// How a run has ended, as far as its records go.
pub struct Ending<'a> {
    pub record: Option<&'a GenerationRecord>,
    /// Everything that the plan asks for was done.
    pub complete: bool,
    /// Everything that it asks for inside of the generation that it is about was done.
    pub whole: bool,
    /// Generations of which nothing is left.
    pub gone: Vec<String>,
    /// By address inside of the module, in milliseconds.
    pub durations: BTreeMap<String, u64>,
    pub now: &'a str,
}

/// The generations at the end of a run.
pub fn ended(
    rollout: &Rollout,
    plan: &RolloutPlan,
    ending: Ending<'_>,
    kinds: &Kinds,
    seal: &dyn Seal,
) -> Result<Rollout, StateError> {
    let mut next = rollout.clone();
    if let (Some(id), Some(record)) = (plan.turn.evaluated(), ending.record)
        && let Some(generation) = next.get_mut(id)
    {
        generation.inputs = RawJson::encode_value(&record.inputs.clone().into(), seal)?;
        generation.combination = record.combination.clone();
        generation.outputs = record.outputs.as_ref().map(|o| RawJson::encode_value(o, seal)).transpose()?;
        generation.roles = roles(record, kinds, seal)?;
        generation.outside = record
            .outside
            .iter()
            .map(|(address, config)| {
                Ok((address.to_string(), RawJson::encode_value(&config.clone().into(), seal)?))
            })
            .collect::<Result<_, StateError>>()?;
    }
    if let (Turn::First { to: live, .. } | Turn::Keep { live }, true) = (&plan.turn, ending.whole)
        && let Some(generation) = next.get_mut(live)
    {
        generation.unfinished = false;
    }
    if let (Turn::Rehearse { to, .. }, true) = (&plan.turn, ending.complete)
        && let Some(generation) = next.get_mut(to)
    {
        generation.unfinished = false;
        let combination = generation.combination.clone();
        next.rolled_back.retain(|rolled_back| *rolled_back != combination);
        next.rehearsals.push(Rehearsal {
            generation: to.clone(),
            ended: ending.now.to_owned(),
            combination,
            durations: ending.durations,
        });
        let surplus = next.rehearsals.len().saturating_sub(REHEARSALS);
        next.rehearsals.drain(..surplus);
    }
    next.generations.retain(|g| !ending.gone.contains(&g.id));
    Ok(next)
}

fn roles(
    record: &GenerationRecord,
    kinds: &Kinds,
    seal: &dyn Seal,
) -> Result<BTreeMap<Role, BTreeMap<String, InRole>>, StateError> {
    let in_role = |(address, in_role): (&Address, &crate::plan::InRole)| {
        let instance = match &in_role.instance {
            None => None,
            Some(instance) => {
                let kind =
                    kinds.get(address.resource.mode, &address.resource.kind).expect("it was evaluated");
                let raw = RawJson::encode_object(&instance.attributes, &kind.ty, seal)?;
                Some(StoredInstance {
                    dependencies: instance.dependencies.clone(),
                    create_before_destroy: instance.create_before_destroy,
                    prevent_destroy: instance.prevent_destroy,
                    ..StoredInstance::new(&*instance.provider, kind.schema.version, raw)
                })
            }
        };
        Ok((address.to_string(), InRole { instance, after_switch: in_role.after_switch }))
    };
    record
        .roles
        .iter()
        .map(|(role, entries)| Ok((*role, entries.iter().map(in_role).collect::<Result<_, StateError>>()?)))
        .collect()
}
