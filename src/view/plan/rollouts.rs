use std::collections::BTreeSet;

use crate::plan::{Action, Phase, Plan, RolloutPlan, Step, Turn};
use crate::view::duration::about;
use crate::view::literal::printable;
use crate::view::page::Page;
use crate::view::style::Tone;

/// What happens to generations: a cut-over step by step, everything else in one sentence.
pub fn write(page: &mut Page, plan: &Plan) {
    for rollout in &plan.rollouts {
        let Some(sentence) = sentence(rollout) else { continue };
        let text = page.style().paint(Tone::Strong, &printable(&sentence));
        page.raw(&format!("{text}\n"));
        differences(page, rollout);
        if rollout.turn.from().is_some() {
            numbered(page, plan, rollout);
        }
        page.blank();
    }
}

fn sentence(rollout: &RolloutPlan) -> Option<String> {
    let module = &rollout.module;
    Some(match &rollout.turn {
        Turn::First { to, .. } => format!("{module}: {to} is its first generation."),
        Turn::CutOver { from, to, .. } => {
            format!("{module}: users are switched from {from} to {to}, a new generation made from it.")
        }
        Turn::Rehearse { from, to, .. } => {
            format!("{module}: {to} is made from {from} for looking at; users stay on {from}.")
        }
        Turn::Rollback { from, to } => format!("{module}: users are switched back from {from} to {to}."),
        Turn::Discard => format!("{module}: {} is taken away.", rollout.prune.join(", ")),
        Turn::Keep { live } if rollout.records => {
            format!("{module}: what {live} looks like in each role is recorded.")
        }
        Turn::Keep { .. } if !rollout.prune.is_empty() => {
            format!("{module}: {} is not complete and is taken away.", rollout.prune.join(", "))
        }
        Turn::Keep { .. } => return None,
    })
}

/// What the new generation is made for.
fn differences(page: &mut Page, rollout: &RolloutPlan) {
    let Some(from) = rollout.turn.from().filter(|_| !rollout.changed.is_empty()) else { return };
    page.raw(&format!("  What is not as in {from}:\n"));
    for changed in &rollout.changed {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        let line = format!("{}: {} -> {}", changed.input, value(&changed.before), value(&changed.after));
        page.raw(&format!("    {}\n", printable(&line)));
    }
}

/// The steps in the order in which they can happen, by what users notice.
fn numbered(page: &mut Page, plan: &Plan, rollout: &RolloutPlan) {
    let order = order(plan);
    let mut number = 0;
    let mut last = None;
    for index in order {
        let step = &plan.steps[index];
        let Some(phase) = step.phase else { continue };
        if last != Some(heading(phase)) {
            page.raw(&format!("  {}\n", title(phase, rollout)));
            last = Some(heading(phase));
        }
        number += 1;
        page.raw(&format!("  {number:>4}. {}\n", printable(&line(step, phase))));
    }
    match &rollout.turn {
        Turn::CutOver { from, .. } if number > 0 => page.raw(&format!(
            "  If anything fails before users are switched, all of it is taken back and {from} goes on. \
             Afterwards mprov rollback goes back to {from}; what users write until then would be lost with it.\n"
        )),
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    Before,
    ReadOnly,
    After,
}

fn heading(phase: Phase) -> Heading {
    match phase {
        Phase::Prepare => Heading::Before,
        phase if phase.is_read_only() => Heading::ReadOnly,
        _ => Heading::After,
    }
}

fn title(phase: Phase, rollout: &RolloutPlan) -> String {
    match heading(phase) {
        Heading::Before => "Before users notice:".to_owned(),
        Heading::ReadOnly if matches!(rollout.turn, Turn::Rollback { .. }) => "The switch:".to_owned(),
        Heading::ReadOnly => match (rollout.predicted, &rollout.rehearsed) {
            (Some(time), Some(rehearsal)) => {
                format!(
                    "While users cannot write ({}, as the rehearsal {rehearsal} took beside the users):",
                    about(time)
                )
            }
            _ => "While users cannot write (for how long, no rehearsal has measured):".to_owned(),
        },
        Heading::After => "When users are on the other generation:".to_owned(),
    }
}

fn line(step: &Step, phase: Phase) -> String {
    let verb = match (phase, step.action) {
        (Phase::Quiesce, Action::Update) => "bring to rest",
        (Phase::Switch, _) => "switch",
        (_, Action::Create) => "create",
        (_, Action::Update) => "update",
        (_, Action::Delete) => "destroy",
        (_, Action::Read) => "read",
    };
    format!("{verb} {}", step.address)
}

/// Indices of the steps, each after what it needs, earlier phases first.
fn order(plan: &Plan) -> Vec<usize> {
    let nodes = plan.steps.len() + plan.joins.len();
    let needs = |node: usize| match plan.steps.get(node) {
        Some(step) => step.needs.as_slice(),
        None => &plan.joins[node - plan.steps.len()],
    };
    let mut open: Vec<usize> = (0..nodes).map(|node| needs(node).len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for node in 0..nodes {
        for need in needs(node) {
            users[*need as usize].push(node);
        }
    }
    let key = |node: usize| (plan.steps.get(node).and_then(|s| s.phase), node);
    let mut ready: BTreeSet<(Option<Phase>, usize)> = (0..nodes).filter(|n| open[*n] == 0).map(key).collect();
    let mut found = Vec::new();
    while let Some((_, node)) = ready.pop_first() {
        if node < plan.steps.len() {
            found.push(node);
        }
        for user in &users[node] {
            open[*user] -= 1;
            if open[*user] == 0 {
                ready.insert(key(*user));
            }
        }
    }
    found
}
