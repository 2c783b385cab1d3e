use mprov_sdk::{Diagnostic, Diagnostics, Span};

use super::combination::{Made, differences};
use super::turn::{RolloutPlan, Turn};
use super::{StoredRehearsal, StoredRollout};
use crate::config::Rehearse;
use crate::plan::model::Step;
use crate::plan::stored::Stored;

/// The rehearsal of the very same combination.
pub fn rehearsal<'a>(stored: &'a StoredRollout, made: &Made) -> Option<&'a StoredRehearsal> {
    let same = |r: &&StoredRehearsal| made.unknown.is_empty() && r.combination == made.combination;
    stored.rehearsals.iter().rev().find(same)
}

/// Why users must not be switched to this combination.
pub fn refusals(
    plan: &RolloutPlan,
    stored: &StoredRollout,
    made: &Made,
    rehearse: Rehearse,
    span: Span,
) -> Diagnostics {
    let Turn::CutOver { from, .. } = &plan.turn else { return Diagnostics::new() };
    let module = &plan.module;
    let mut found = Diagnostics::new();
    if stored.get(from).is_some_and(|live| live.outputs.is_none()) {
        found.push(
            Diagnostic::error(2074, format!("the record of the live generation {from} of {module} is not complete"))
                .at(span)
                .detail("Its making was interrupted after users had been switched. Set the inputs back to what it was made from and apply once; then change them."),
        );
    }
    if rehearsal(stored, made).is_some() {
        return found;
    }
    if stored.rolled_back.contains(&made.combination) {
        found.push(
            Diagnostic::error(2073, format!("the configuration asks {module} for what was rolled back"))
                .at(span)
                .detail(format!(
                    "Users were switched back from this very combination. Change it, or prove it anew: run \
                     mprov rehearse {module}, look at it, then apply."
                )),
        );
    } else if rehearse == Rehearse::Required {
        found.push(
            Diagnostic::error(2072, format!("{module} would be switched to what was never rehearsed"))
                .at(span)
                .detail(format!(
                    "{} Run mprov rehearse {module}, look at it, then apply.",
                    why(stored, made)
                )),
        );
    }
    found
}

/// A module that gets a rollout must not change at the same time: nobody knows what it was made
/// from, so the change would be made in place.
pub fn adoption(plan: &RolloutPlan, stored: &Stored, steps: &[Step], span: Span) -> Option<Diagnostic> {
    let adopted = stored.rollouts.get(&plan.module).is_some_and(|r| r.adopted);
    let prefix = format!("{}[", plan.module);
    let changed = steps.iter().find(|s| s.address.to_string().starts_with(&prefix))?;
    adopted.then(|| {
        Diagnostic::error(2079, format!("{} gets a rollout, and would change in place", plan.module))
            .at(span)
            .detail(format!(
                "{} is to be changed. Apply with the rollout block alone first, and change its inputs after that.",
                changed.address
            ))
    })
}

fn why(stored: &StoredRollout, made: &Made) -> String {
    let Some(last) = stored.rehearsals.last() else { return "There was no rehearsal yet.".to_owned() };
    let unknown = &made.unknown;
    let differing: Vec<String> = differences(&last.combination, &made.combination)
        .into_iter()
        .filter(|name| !unknown.contains(name))
        .collect();
    let mut reasons = Vec::new();
    if !differing.is_empty() {
        reasons.push(format!(
            "From the last rehearsal ({}) this differs in: {}.",
            last.generation,
            differing.join(", ")
        ));
    }
    if !unknown.is_empty() {
        reasons.push(format!("Not known before the apply, so not comparable: {}.", unknown.join(", ")));
    }
    reasons.join(" ")
}
