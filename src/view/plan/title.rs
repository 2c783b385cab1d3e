use mprov_sdk::{InstanceKey, Undo};

use crate::plan::{Action, Phase, Reason, Step};
use crate::view::duration::about;
use crate::view::literal::printable;
use crate::view::page::Page;
use crate::view::style::Tone;

use super::grouping::Block;

/// The remarks over a block: what happens and why, what users notice, what takes it back.
pub fn write(page: &mut Page, block: &Block<'_>) {
    let step = block.step();
    let style = page.style();
    let deposed = match &step.deposed {
        Some(key) => format!(" (deposed object {})", printable(key)),
        None => String::new(),
    };
    let text = format!("# {}{deposed} {}", step.address, verb(block));
    page.remark(0, &style.paint(Tone::Strong, &printable(&text)));
    if let Some(reason) = reason(step) {
        page.remark(0, &format!("# ({})", printable(&reason)));
    }
    if let Some(impact) = impact(block) {
        let label = style.paint(Tone::Warning, "impact:");
        page.remark(0, &format!("# {label} {impact}"));
    }
    if let Some(undo) = undo(block) {
        let label = style.paint(Tone::Warning, "undo:");
        page.remark(0, &format!("# {label} {undo}"));
    }
}

fn verb(block: &Block<'_>) -> String {
    match block {
        Block::Replace { delete, create, .. } => match create.reason.as_ref().or(delete.reason.as_ref()) {
            Some(Reason::Tainted) => "is tainted, so must be replaced".to_owned(),
            Some(Reason::TriggeredBy(what)) => format!("will be replaced due to changes in {what}"),
            _ => "must be replaced".to_owned(),
        },
        Block::One(step) => match step.action {
            Action::Create => "will be created".to_owned(),
            Action::Update if step.phase == Some(Phase::Quiesce) => "will be brought to rest".to_owned(),
            Action::Update if step.phase == Some(Phase::Switch) => "will switch users".to_owned(),
            Action::Update => "will be updated in-place".to_owned(),
            Action::Delete => "will be destroyed".to_owned(),
            Action::Read => "will be read during apply".to_owned(),
        },
    }
}

/// Why, where neither the title nor the attributes say it.
fn reason(step: &Step) -> Option<String> {
    let resource = &step.address.resource;
    Some(match step.reason.as_ref()? {
        Reason::NotInConfiguration => format!("because {resource} is not in configuration"),
        Reason::KeyGone => match &step.address.key {
            InstanceKey::None => format!("because {resource} now uses count or for_each"),
            InstanceKey::Index(_) => format!("because index {} is not in count", step.address.key),
            InstanceKey::Key(_) => format!("because key {} is not in for_each", step.address.key),
        },
        Reason::Vanished => "because it is in the state, but does not exist any more".to_owned(),
        Reason::Deposed => "left over from a replacement that was interrupted".to_owned(),
        Reason::GenerationGone => "because its generation is taken away".to_owned(),
        Reason::DependsOnSteps => "its configuration depends on steps of this plan".to_owned(),
        Reason::TriggeredBy(what) if step.replacement.is_none() => format!("because of changes in {what}"),
        Reason::Tainted if step.replacement.is_none() => "its creation failed half-way".to_owned(),
        Reason::TriggeredBy(_) | Reason::Tainted => return None,
    })
}

fn impact(block: &Block<'_>) -> Option<String> {
    let impact = block.impact();
    let mut parts = Vec::new();
    if let Some(time) = impact.downtime {
        parts.push(format!("{} without service", about(time)));
    }
    if let Some(time) = impact.read_only {
        parts.push(format!("{} read-only", about(time)));
    }
    if let Some(data) = &impact.data_lost {
        parts.push(format!("data lost: {}", printable(data)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn undo(block: &Block<'_>) -> Option<String> {
    match block.undo() {
        Undo::Exact => None,
        Undo::UntilUsersWrite => Some("exact only until users write".to_owned()),
        Undo::None(reason) if reason.is_empty() => Some("none".to_owned()),
        Undo::None(reason) => Some(format!("none: {}", printable(reason))),
    }
}
