use std::collections::BTreeMap;

use mprov_sdk::{Address, Diagnostic, Diagnostics, InstanceKey, ModulePath, Name, Object};
use mprov_state::Role;

use super::{StoredGeneration, StoredRollout};
use crate::plan::moves::rename;
use crate::plan::stored::Stored;
use crate::plan::tree::Tree;

/// A module that gets a rollout keeps what it has: that becomes its first generation.
///
/// # Errors
/// A module has lost its rollout, while it has generations.
pub fn adopt(
    tree: &Tree,
    stored: &mut Stored,
    moves: &mut Vec<(Address, Address)>,
) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    for id in tree.ids() {
        let Some(call) = tree.call(id) else { continue };
        let depth = tree.depth(id);
        if call.rollout.is_none() {
            let lost = stored.rollouts.keys().find(|module| is_path(module, &tree.get(id).path));
            if let Some(module) = lost {
                diagnostics.push(
                    Diagnostic::error(2070, format!("{module} has generations, but no rollout block any more"))
                        .at(call.span)
                        .detail("Without it mprov cannot tell which of them users work on. Put the block back, or remove the whole module call to destroy all of them."),
                );
            }
            continue;
        }
        let plain: Vec<Address> =
            stored.instances.keys().filter(|a| is_plain(a, &tree.get(id).path, depth)).cloned().collect();
        let first = Name::from("g1");
        for from in plain {
            let steps = &from.resource.module.0;
            let mut path = steps.to_vec();
            let module = ModulePath(steps[..depth].into()).to_string();
            path[depth - 1].key = InstanceKey::Key(first.clone());
            let mut to = from.clone();
            to.resource.module = ModulePath(path.into());
            rename(&mut stored.instances, moves, from, to);
            stored.rollouts.entry(module).or_insert_with(|| adopted(&first));
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

fn adopted(id: &Name) -> StoredRollout {
    let generation = StoredGeneration {
        id: id.clone(),
        slot: 1,
        role: Role::Live,
        unfinished: false,
        previous: None,
        cloned_from: None,
        switched: None,
        inputs: Object::new(),
        combination: BTreeMap::new(),
        outputs: None,
        roles: BTreeMap::new(),
        outside: BTreeMap::new(),
    };
    StoredRollout { last: 1, generations: vec![generation], adopted: true, ..StoredRollout::default() }
}

/// Whether an instance is of that module of the tree, which has no generation in its address.
fn is_plain(address: &Address, path: &str, depth: usize) -> bool {
    let steps = &address.resource.module.0;
    steps.len() >= depth && steps[depth - 1].key == InstanceKey::None && without_keys(&steps[..depth]) == path
}

fn is_path(module: &str, path: &str) -> bool {
    module.parse::<ModulePath>().is_ok_and(|module| without_keys(&module.0) == path)
}

fn without_keys(steps: &[mprov_sdk::ModuleStep]) -> String {
    steps.iter().map(|s| format!("module.{}", s.name)).collect::<Vec<_>>().join(".")
}
