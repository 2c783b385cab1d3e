use std::collections::HashMap;

use mprov_sdk::{Address, Impact, Undo};

use crate::plan::{Action, Plan, Replacement, Step};
use crate::view::page::Mark;

/// What is shown as one: a step, or both halves of a replacement.
#[derive(Clone, Copy, Debug)]
pub enum Block<'a> {
    One(&'a Step),
    Replace { delete: &'a Step, create: &'a Step, order: Replacement },
}

/// The plan's blocks in the order of its steps, a replacement at the place of its first half.
pub fn blocks(plan: &Plan) -> Vec<Block<'_>> {
    let mut halves: HashMap<&Address, Halves<'_>> = HashMap::new();
    for step in plan.steps.iter().filter(|s| s.replacement.is_some()) {
        let halves = halves.entry(&step.address).or_default();
        match step.action {
            Action::Delete => halves.delete = Some(step),
            _ => halves.create = Some(step),
        }
    }
    let mut blocks = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let Some(order) = step.replacement else {
            blocks.push(Block::One(step));
            continue;
        };
        match halves.get_mut(&step.address) {
            Some(Halves { shown: true, .. }) => {}
            Some(Halves { delete: Some(delete), create: Some(create), shown }) => {
                *shown = true;
                blocks.push(Block::Replace { delete, create, order });
            }
            _ => blocks.push(Block::One(step)),
        }
    }
    blocks
}

#[derive(Default)]
struct Halves<'a> {
    delete: Option<&'a Step>,
    create: Option<&'a Step>,
    shown: bool,
}

impl<'a> Block<'a> {
    /// The step whose address and type it has.
    pub fn step(&self) -> &'a Step {
        match self {
            Self::One(step) => step,
            Self::Replace { create, .. } => create,
        }
    }

    pub fn mark(&self) -> Mark {
        match self {
            Self::Replace { order: Replacement::DeleteFirst, .. } => Mark::DeleteFirst,
            Self::Replace { order: Replacement::CreateFirst, .. } => Mark::CreateFirst,
            Self::One(step) => match step.action {
                Action::Create => Mark::Add,
                Action::Update => Mark::Change,
                Action::Delete => Mark::Remove,
                Action::Read => Mark::Read,
            },
        }
    }

    /// What users notice of it, both halves of a replacement together.
    pub fn impact(&self) -> Impact {
        match self {
            Self::One(step) => step.impact.clone(),
            Self::Replace { delete, create, .. } => delete.impact.clone().join(&create.impact),
        }
    }

    /// What takes it back: the weaker of both halves.
    pub fn undo(&self) -> &'a Undo {
        match self {
            Self::One(step) => &step.undo,
            Self::Replace { delete, create, .. } => match (&delete.undo, &create.undo) {
                (none @ Undo::None(_), _) | (_, none @ Undo::None(_)) => none,
                (until @ Undo::UntilUsersWrite, _) => until,
                (_, other) => other,
            },
        }
    }
}
