use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Mode, Object, Value};
use mprov_state::{Generation, KeyRing, RawJson, Rollout, StateError};

use super::stored::{address, instance};
use crate::plan::{InRole, Kinds, StoredGeneration, StoredRehearsal, StoredRollout};

/// What is recorded of a module's generations, in the types of the schemas.
pub fn decoded(rollout: &Rollout, kinds: &Kinds, keys: &KeyRing) -> Result<StoredRollout, StateError> {
    let generations = rollout.generations.iter().map(|g| generation(g, kinds, keys));
    let rehearsals = rollout.rehearsals.iter().map(|r| StoredRehearsal {
        generation: r.generation.clone(),
        combination: r.combination.clone(),
        durations: r.durations.iter().map(|(k, ms)| (k.clone(), Duration::from_millis(*ms))).collect(),
    });
    Ok(StoredRollout {
        last: rollout.last,
        generations: generations.collect::<Result<_, _>>()?,
        rehearsals: rehearsals.collect(),
        rolled_back: rollout.rolled_back.clone(),
        adopted: false,
    })
}

fn generation(of: &Generation, kinds: &Kinds, keys: &KeyRing) -> Result<StoredGeneration, StateError> {
    let mut roles = BTreeMap::new();
    for (role, entries) in &of.roles {
        let mut decoded = BTreeMap::new();
        for (text, in_role) in entries {
            let address = address(text)?;
            let instance = match &in_role.instance {
                Some(recorded) => instance(&address, recorded, kinds, keys)?,
                None => None,
            };
            decoded.insert(address, InRole { instance, after_switch: in_role.after_switch });
        }
        roles.insert(*role, decoded);
    }
    let mut outside = BTreeMap::new();
    for (text, config) in &of.outside {
        let address = address(text)?;
        let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else { continue };
        let config = crate::plan::marked(object(config, keys)?, &kind.schema);
        outside.insert(address, config);
    }
    Ok(StoredGeneration {
        id: of.id.as_str().into(),
        slot: of.slot,
        role: of.role,
        unfinished: of.unfinished,
        previous: of.previous.as_deref().map(Into::into),
        cloned_from: of.cloned_from.as_ref().map(|o| o.decode_value(keys)).transpose()?,
        switched: of.switched.clone(),
        inputs: object(&of.inputs, keys)?,
        combination: of.combination.clone(),
        outputs: of.outputs.as_ref().map(|o| o.decode_value(keys)).transpose()?,
        roles,
        outside,
    })
}

fn object(raw: &RawJson, keys: &KeyRing) -> Result<Object, StateError> {
    match raw.decode_value(keys)? {
        Value::Object(object) | Value::Map(object) => Ok((*object).clone()),
        _ => Ok(Object::new()),
    }
}
