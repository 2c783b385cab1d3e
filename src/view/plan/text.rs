use crate::plan::{Plan, PlanMode};
use crate::view::literal::printable;
use crate::view::page::{Mark, Page};
use crate::view::style::{Style, Tone};

use super::grouping::{Block, blocks};
use super::{block, drift, outputs, rollouts, totals};

/// The whole plan: drift, one block for each instance that changes, outputs, sums. Takes time in
/// proportion to what it shows.
pub fn render(plan: &Plan, style: Style) -> String {
    let mut page = Page::with_marks(style);
    drift::write(&mut page, plan);
    if plan.is_empty() {
        nothing_to_do(&mut page, plan);
        return page.finish();
    }
    let blocks = blocks(plan);
    if !blocks.is_empty() {
        legend(&mut page, &blocks);
        page.raw("mprov will perform these actions:\n\n");
    }
    rollouts::write(&mut page, plan);
    for block in &blocks {
        block::write(&mut page, block);
        page.blank();
    }
    moves(&mut page, plan);
    outputs::write(&mut page, &plan.outputs);
    totals::write(&mut page, plan, &blocks);
    page.finish()
}

fn nothing_to_do(page: &mut Page, plan: &Plan) {
    let text = match plan.mode {
        PlanMode::Recorded => "Everything is as it is recorded.",
        PlanMode::Normal | PlanMode::Rehearse => "Your infrastructure matches the configuration.",
        PlanMode::Destroy => "There is nothing to destroy.",
    };
    let first = page.style().paint(Tone::Strong, "No changes.");
    page.raw(&format!("{first} {text}\n"));
    if plan.unchanged > 0 {
        page.raw(&format!("{} unchanged.\n", plan.unchanged));
    }
}

/// The meaning of each symbol that occurs.
fn legend(page: &mut Page, blocks: &[Block<'_>]) {
    const MEANINGS: [(Mark, &str); 6] = [
        (Mark::Add, "create"),
        (Mark::Change, "update in place"),
        (Mark::Remove, "destroy"),
        (Mark::DeleteFirst, "destroy, then create anew"),
        (Mark::CreateFirst, "create anew, then destroy the old one"),
        (Mark::Read, "read during the apply"),
    ];
    page.raw("The symbols mean:\n");
    for (mark, meaning) in MEANINGS {
        if blocks.iter().any(|b| b.mark() == mark) {
            page.line(0, mark, meaning);
        }
    }
    page.blank();
}

/// Moved instances that have no block of their own.
fn moves(page: &mut Page, plan: &Plan) {
    if plan.moves.is_empty() {
        return;
    }
    for (from, to) in &plan.moves {
        page.remark(0, &printable(&format!("# {from} has moved to {to}")));
    }
    page.blank();
}
