use std::collections::BTreeMap;

use mprov_sdk::{Address, InstanceKey, ModulePath};

use super::evaluator::Evaluator;
use super::stored::StoredInstance;
use crate::config::MovedEnd;

/// Applies all `moved` blocks to the stored instances: the new addresses with what is stored, and
/// the list of what moved. A target that exists already is left alone.
pub fn apply_moves(
    evaluator: &Evaluator,
    instances: &mut BTreeMap<Address, StoredInstance>,
) -> Vec<(Address, Address)> {
    let mut moves = Vec::new();
    for module in &evaluator.modules {
        for block in &evaluator.tree.module(module.tree).moved {
            let moved: Vec<(Address, Address)> = instances
                .keys()
                .filter_map(|address| {
                    let target = target(&module.path, &block.from, &block.to, address)?;
                    Some((address.clone(), target))
                })
                .collect();
            for (from, to) in moved {
                rename(instances, &mut moves, from, to);
            }
        }
    }
    moves
}

/// Moves one instance when its target is free.
pub fn rename(
    instances: &mut BTreeMap<Address, StoredInstance>,
    moves: &mut Vec<(Address, Address)>,
    from: Address,
    to: Address,
) {
    if from == to || instances.contains_key(&to) {
        return;
    }
    if let Some(instance) = instances.remove(&from) {
        instances.insert(to.clone(), instance);
        moves.push((from, to));
    }
}

fn target(base: &ModulePath, from: &MovedEnd, to: &MovedEnd, address: &Address) -> Option<Address> {
    match (from, to) {
        (MovedEnd::Resource(from), MovedEnd::Resource(to)) => {
            let source = absolute(base, &from.resource.module);
            let matches = address.resource.module == source
                && address.resource.kind == from.resource.kind
                && address.resource.name == from.resource.name
                && (from.key == InstanceKey::None || from.key == address.key);
            if !matches {
                return None;
            }
            let mut moved = to.clone();
            moved.resource.module = absolute(base, &to.resource.module);
            if to.key == InstanceKey::None && from.key == InstanceKey::None {
                moved.key = address.key.clone();
            }
            Some(moved)
        }
        (MovedEnd::Module(from), MovedEnd::Module(to)) => {
            let (from, to) = (absolute(base, from), absolute(base, to));
            let (last, outer) = from.0.split_last()?;
            let path = &address.resource.module.0;
            let step = path.get(outer.len())?;
            let matches = path.starts_with(outer)
                && step.name == last.name
                && (last.key == InstanceKey::None || last.key == step.key);
            if !matches {
                return None;
            }
            let mut moved_path = to.0.to_vec();
            if let Some(renamed) = moved_path.last_mut()
                && renamed.key == InstanceKey::None
                && last.key == InstanceKey::None
            {
                renamed.key = step.key.clone();
            }
            moved_path.extend_from_slice(&path[outer.len() + 1..]);
            let mut moved = address.clone();
            moved.resource.module = ModulePath(moved_path.into());
            Some(moved)
        }
        _ => None,
    }
}

fn absolute(base: &ModulePath, relative: &ModulePath) -> ModulePath {
    ModulePath(base.0.iter().chain(relative.0.iter()).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(from: &str, to: &str, address: &str) -> Option<String> {
        let end = |text: &str| match text.parse::<Address>() {
            Ok(address) => MovedEnd::Resource(address),
            Err(_) => MovedEnd::Module(text.parse().expect("a module")),
        };
        let address: Address = address.parse().expect("an address");
        target(&ModulePath::root(), &end(from), &end(to), &address).map(|a| a.to_string())
    }

    #[test]
    fn resources_move_with_or_without_keys() {
        assert_eq!(
            moved("core_value.a", "core_value.b", "core_value.a[2]").as_deref(),
            Some("core_value.b[2]")
        );
        assert_eq!(
            moved("core_value.a", "core_value.b[\"x\"]", "core_value.a").as_deref(),
            Some("core_value.b[\"x\"]")
        );
        assert_eq!(moved("core_value.a[0]", "core_value.b", "core_value.a[1]"), None);
    }

    #[test]
    fn modules_move_with_all_they_hold() {
        let address = "module.a[1].module.in.core_value.x";
        assert_eq!(
            moved("module.a", "module.b", address).as_deref(),
            Some("module.b[1].module.in.core_value.x")
        );
        assert_eq!(
            moved("module.a[1]", "module.b", address).as_deref(),
            Some("module.b.module.in.core_value.x")
        );
    }
}
