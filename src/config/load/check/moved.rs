use mprov_sdk::{Diagnostic, Diagnostics, InstanceKey};

use crate::config::{Module, MovedEnd, ResourceId};

/// A move away from a block that is still there says two things at once. That instances of a block
/// move within it, as when it gets `count`, is fine.
pub fn check(module: &Module, diagnostics: &mut Diagnostics) {
    for moved in &module.moved {
        let (MovedEnd::Resource(from), MovedEnd::Resource(to)) = (&moved.from, &moved.to) else { continue };
        let within = from.resource == to.resource;
        if within || from.key != InstanceKey::None || !from.module().is_root() {
            continue;
        }
        let id = ResourceId::managed(from.resource.kind.clone(), from.resource.name.clone());
        if let Some(block) = module.resources.get(&id) {
            diagnostics.push(
                Diagnostic::error(1346, format!("{id} is said to have moved, but is still declared"))
                    .at(moved.span)
                    .label(block.span, "declared here")
                    .detail("Rename the block, or remove the moved block."),
            );
        }
    }
}
