use std::collections::BTreeMap;

use mprov_sdk::{Address, Diagnostic, Diagnostics, Mode, PlanRequest, Verdict};
use mprov_state::Role;

use super::steps::{Direction, Part, gone_impact, role_steps};
use super::turn::{RolloutPlan, Turn};
use super::{StoredGeneration, StoredRollout};
use crate::plan::decide::delete_undo;
use crate::plan::draft::Draft;
use crate::plan::kinds::Kinds;
use crate::plan::model::{Action, Base, Plan, PlanMode, Reason};
use crate::plan::order::{Links, order_steps};
use crate::plan::stored::Stored;

/// Plans to switch users back to the generation that they came from, or to the named one. Needs
/// nothing but what is recorded.
///
/// # Errors
/// There is no such module or generation, or it was never live.
pub fn rollback(
    stored: &Stored,
    kinds: &Kinds,
    module: Option<&str>,
    to: Option<&str>,
    nonce: &str,
) -> Result<Plan, Diagnostics> {
    let module = module_of(stored, module)?;
    let rollout = &stored.rollouts[&module];
    let Some(live) = rollout.live() else { return Err(no_generation(&module, "live").into()) };
    let came_from = live.previous.as_ref().and_then(|id| rollout.get(id));
    let to = match to {
        Some(id) => rollout.get(id).ok_or_else(|| no_generation(&module, id))?,
        None => came_from.filter(|g| g.role == Role::Previous && !g.unfinished).unwrap_or(live),
    };
    if to.id == live.id {
        // A rollback that was interrupted after the switch is brought to its end.
        let drafts = unsettled(kinds, stored, rollout, &module);
        if drafts.is_empty() {
            return Err(nowhere_to_go(&module, live).into());
        }
        let plan = RolloutPlan::new(module.clone(), Turn::Keep { live: live.id.to_string() });
        return finish(stored, drafts, plan, nonce);
    }
    if to.role != Role::Previous || to.unfinished {
        return Err(Diagnostic::error(2076, format!("{} of {module} was never live", to.id))
            .detail("Only generations that users have worked on can be switched back to: mprov generations lists them.")
            .into());
    }
    let turn = Turn::Rollback { from: live.id.to_string(), to: to.id.to_string() };
    let mut plan = RolloutPlan::new(module.clone(), turn);
    plan.outside = to.outside.keys().map(Address::to_string).collect();

    let mut drafts = Vec::new();
    for draft in role_steps(kinds, stored, to, Role::Live) {
        let waits = to
            .roles
            .get(&Role::Live)
            .and_then(|roles| roles.get(&draft.step.address))
            .is_some_and(|in_role| in_role.after_switch);
        let part = if waits { Part::RoleAfter(Direction::Up) } else { Part::Role(Direction::Up) };
        drafts.push(draft.part(&module, part));
    }
    let leaving = role_steps(kinds, stored, live, Role::Previous);
    drafts.extend(leaving.into_iter().map(|d| d.part(&module, Part::RoleAfter(Direction::Down))));
    drafts.extend(switches(kinds, stored, to, &module));
    finish(stored, drafts, plan, nonce)
}

/// Plans to take generations away.
///
/// # Errors
/// There is no such generation, or it is live.
pub fn discard(
    stored: &Stored,
    kinds: &Kinds,
    module: Option<&str>,
    id: &str,
    nonce: &str,
) -> Result<Plan, Diagnostics> {
    let module = module_of(stored, module)?;
    let Some(generation) = stored.rollouts[&module].get(id) else {
        return Err(no_generation(&module, id).into());
    };
    if generation.role == Role::Live {
        return Err(Diagnostic::error(2077, format!("{id} of {module} is live"))
            .detail(
                "Users work on it. Switch them away first, by mprov rollback or by an apply of other inputs.",
            )
            .into());
    }
    let mut plan = RolloutPlan::new(module.clone(), Turn::Discard);
    plan.prune = vec![id.to_owned()];
    let prefix = format!("{module}[\"{id}\"].");
    let mut drafts = Vec::new();
    for (address, instance) in &stored.instances {
        if !address.to_string().starts_with(&prefix) {
            continue;
        }
        let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else { continue };
        if instance.prevent_destroy {
            return Err(crate::plan::decide::prevented(address, "its generation is to be discarded").into());
        }
        let mut draft = Draft::new(address.clone(), Action::Delete, instance.provider.clone(), None)
            .before(Some(instance.attributes.clone()))
            .impact(gone_impact(&kind.schema, generation))
            .undo(delete_undo(&kind.schema))
            .reason(Some(Reason::GenerationGone));
        draft.step.dependencies.clone_from(&instance.dependencies);
        drafts.push(draft.part(&module, Part::Pruned));
    }
    finish(stored, drafts, plan, nonce)
}

/// The steps that bring every generation into the role that it has.
fn unsettled(kinds: &Kinds, stored: &Stored, rollout: &StoredRollout, module: &str) -> Vec<Draft> {
    let settling = rollout.generations.iter().filter(|g| !g.unfinished && g.role != Role::Staging);
    let steps = settling.flat_map(|g| {
        let part = Part::RoleAfter(Direction::of(g.role));
        role_steps(kinds, stored, g, g.role).into_iter().map(move |d| d.part(module, part))
    });
    steps.collect()
}

/// What let users in when the generation was live, as it was then.
fn switches(kinds: &Kinds, stored: &Stored, to: &StoredGeneration, module: &str) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (address, config) in &to.outside {
        let Some(now) = stored.instances.get(address) else { continue };
        let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else { continue };
        let request = PlanRequest { config, stored: Some(&now.attributes), observed: Some(&now.attributes) };
        let planned = kind.provider.plan(&address.resource.kind, &request);
        if planned.verdict == Verdict::Nothing {
            continue;
        }
        let mut draft = Draft::new(address.clone(), Action::Update, now.provider.clone(), None)
            .before(Some(now.attributes.clone()))
            .after(planned.after)
            .changes(planned.changes)
            .part(module, Part::Outside { switch: true });
        draft.step.dependencies.clone_from(&now.dependencies);
        draft.step.create_before_destroy = now.create_before_destroy;
        draft.step.prevent_destroy = now.prevent_destroy;
        drafts.push(draft);
    }
    drafts
}

fn finish(
    stored: &Stored,
    mut drafts: Vec<Draft>,
    rollout: RolloutPlan,
    nonce: &str,
) -> Result<Plan, Diagnostics> {
    for draft in &mut drafts {
        if let Some((_, part)) = &draft.part {
            draft.step.atomic = part.is_atomic();
        }
    }
    let links = Links::of_stored(crate::plan::planner::stored_dependencies(stored));
    let (steps, joins) = order_steps(drafts, &links, nonce)?;
    Ok(Plan {
        base: Base { lineage: stored.lineage.clone(), serial: stored.serial, configuration: String::new() },
        mode: PlanMode::Recorded,
        steps,
        joins,
        rollouts: vec![rollout],
        variables: BTreeMap::new(),
        ..Plan::default()
    })
}

/// The named module with generations, or the only one.
///
/// # Errors
/// There is none of that name, or several and no name.
pub fn module_of(stored: &Stored, named: Option<&str>) -> Result<String, Diagnostics> {
    let all: Vec<&String> = stored.rollouts.keys().collect();
    let found = match named {
        Some(name) => all.iter().find(|m| ***m == *name || m.strip_prefix("module.") == Some(name)).copied(),
        None if all.len() == 1 => Some(all[0]),
        None => None,
    };
    found.cloned().ok_or_else(|| {
        let list = all.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
        let (summary, detail) = match (named, all.is_empty()) {
            (_, true) => (
                "no module has generations".to_owned(),
                "Give a module a rollout block and apply.".to_owned(),
            ),
            (Some(name), false) => {
                (format!("\"{name}\" is no module with generations"), format!("There are: {list}."))
            }
            (None, false) => (
                "several modules have generations".to_owned(),
                format!("Name one of them with -module: {list}."),
            ),
        };
        Diagnostic::error(2078, summary).detail(detail).into()
    })
}

fn no_generation(module: &str, id: &str) -> Diagnostic {
    Diagnostic::error(2075, format!("{module} has no generation {id}"))
        .detail("mprov generations lists those that there are.")
}

fn nowhere_to_go(module: &str, live: &StoredGeneration) -> Diagnostic {
    Diagnostic::error(2075, format!("users of {module} are on {}, and there is nothing to go back to from it", live.id))
        .detail("The generation that it was made from is not kept any more, or there was none. With -to another one can be named: mprov generations lists them.")
}
