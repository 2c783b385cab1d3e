use std::collections::BTreeMap;

use mprov_sdk::{Address, Mode, Name, Value};
use mprov_state::{KeyRing, State, StateError};

use super::rollouts;
use crate::plan::{Connection, Deposed, Kinds, Stored, StoredInstance};

/// The state in the types of the schemas. Instances whose type no provider knows are left out
/// here; planning says so where it meets them.
pub fn stored(state: Option<&State>, kinds: &Kinds, keys: &KeyRing) -> Result<Stored, StateError> {
    let Some(state) = state else { return Ok(Stored::default()) };
    // A value that cannot be opened is most likely the key's fault: that is what to tell.
    decoded(state, kinds, keys).map_err(|error| keys.unlock().err().unwrap_or(error))
}

fn decoded(state: &State, kinds: &Kinds, keys: &KeyRing) -> Result<Stored, StateError> {
    let mut stored =
        Stored { lineage: Some(state.lineage.clone()), serial: state.serial, ..Stored::default() };
    for (text, recorded) in &state.resources {
        let address = address(text)?;
        if let Some(instance) = instance(&address, recorded, kinds, keys)? {
            stored.instances.insert(address, instance);
        }
    }
    for deposed in &state.deposed {
        let address = address(&deposed.address)?;
        if let Some(instance) = instance(&address, &deposed.instance, kinds, keys)? {
            stored.deposed.push(Deposed { address, key: deposed.key.clone(), instance });
        }
    }
    for (address, provider) in &state.providers {
        let Some(known) = kinds.provider(&provider.name) else { continue };
        let config = provider.config.decode_object(&known.schema().config.ty(), keys)?;
        let connection = Connection { provider: provider.name.clone(), config, uses: provider.uses.clone() };
        stored.connections.insert(address.clone(), connection);
    }
    stored.outputs = outputs(state, keys)?;
    for (module, rollout) in &state.rollouts {
        stored.rollouts.insert(module.clone(), rollouts::decoded(rollout, kinds, keys)?);
    }
    Ok(stored)
}

/// Outputs of the root module as the last apply recorded them.
pub fn outputs(state: &State, keys: &KeyRing) -> Result<BTreeMap<Name, Value>, StateError> {
    let value = |(name, output): (&String, &mprov_state::StoredOutput)| {
        let value = output.value.decode_value(keys)?;
        Ok((Name::from(name.as_str()), value.with_sensitivity(output.sensitive)))
    };
    state.outputs.iter().map(value).collect()
}

pub fn address(text: &str) -> Result<Address, StateError> {
    text.parse()
        .map_err(|_| StateError::Refused { reason: format!("\"{text}\" in the state is not an address") })
}

pub fn instance(
    address: &Address,
    recorded: &mprov_state::StoredInstance,
    kinds: &Kinds,
    keys: &KeyRing,
) -> Result<Option<StoredInstance>, StateError> {
    let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else { return Ok(None) };
    let attributes = crate::plan::marked(recorded.decode(&kind.ty, keys)?, &kind.schema);
    Ok(Some(StoredInstance {
        attributes,
        provider: recorded.provider.clone(),
        dependencies: recorded.dependencies.clone(),
        tainted: recorded.tainted,
        create_before_destroy: recorded.create_before_destroy,
        prevent_destroy: recorded.prevent_destroy,
    }))
}
