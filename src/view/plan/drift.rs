use mprov_sdk::Change;

use crate::plan::{Drift, DriftKind, Plan};
use crate::view::literal::printable;
use crate::view::page::{Mark, Page};
use crate::view::style::Tone;

use super::block;

/// What was changed outside of mprov, before anything that the plan does about it.
pub fn write(page: &mut Page, plan: &Plan) {
    if plan.drift.is_empty() {
        return;
    }
    let style = page.style();
    let note = style.paint(Tone::Warning, "Note:");
    page.raw(&format!("{note} Objects have changed outside of mprov since the last apply:\n\n"));
    for drift in &plan.drift {
        one(page, drift);
        page.blank();
    }
    let consequence = match plan.is_empty() {
        true => "The configuration asks for nothing else; an apply only takes note of it in the state.",
        false => "Where the configuration says otherwise, the actions below undo this.",
    };
    page.raw(&format!("{consequence}\n"));
    page.raw(&style.paint(Tone::Faint, &"─".repeat(style.width.clamp(20, 80))));
    page.raw("\n\n");
}

fn one(page: &mut Page, drift: &Drift) {
    let style = page.style();
    let (verb, mark) = match &drift.kind {
        DriftKind::Gone => ("does not exist any more", Mark::Remove),
        DriftKind::Changed(_) => ("has changed", Mark::Change),
    };
    let title = printable(&format!("# {} {verb}", drift.address));
    page.remark(0, &style.paint(Tone::Strong, &title));
    let DriftKind::Changed(changes) = &drift.kind else { return };
    page.line(0, mark, &block::block_header(&drift.address.resource));
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    block::body(page, &changes, None);
    page.line(0, Mark::None, "}");
}
