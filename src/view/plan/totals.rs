use mprov_sdk::Undo;

use crate::plan::{Action, Plan};
use crate::view::duration::about;
use crate::view::literal::printable;
use crate::view::page::Page;
use crate::view::style::Tone;

use super::grouping::Block;

/// Counts, then what users notice of all together.
pub fn write(page: &mut Page, plan: &Plan, blocks: &[Block<'_>]) {
    let label = page.style().paint(Tone::Strong, "Plan:");
    let reads = plan.steps.iter().filter(|s| s.action == Action::Read).count();
    let read = if reads > 0 { format!(" {reads} to read.") } else { String::new() };
    let unchanged =
        if plan.unchanged > 0 { format!(" {} unchanged.", plan.unchanged) } else { String::new() };
    page.raw(&format!("{label} {}.{read}{unchanged}\n", counts(plan)));
    if let Some(noticed) = noticed(plan) {
        let label = page.style().paint(Tone::Warning, "Users notice:");
        page.raw(&format!("{label} {noticed}.\n"));
    }
    let impact = plan.impact();
    if let Some(lost) = &impact.data_lost {
        let label = page.style().paint(Tone::Error, "Data lost:");
        page.raw(&format!("{label} {}.\n", printable(lost)));
    }
    let final_ones = blocks.iter().filter(|b| matches!(b.undo(), Undo::None(_))).count();
    if final_ones > 0 {
        let actions = if final_ones == 1 { "1 action".to_owned() } else { format!("{final_ones} actions") };
        page.raw(&format!("{actions} cannot be undone.\n"));
    }
}

/// `1 to add, 2 to change, 0 to destroy`
pub fn counts(plan: &Plan) -> String {
    let summary = plan.summary();
    format!("{} to add, {} to change, {} to destroy", summary.add, summary.change, summary.destroy)
}

fn noticed(plan: &Plan) -> Option<String> {
    let impact = plan.impact();
    let without = impact.downtime.map(|t| format!("{} without service", about(t)));
    let read_only = impact.read_only.map(|t| format!("{} read-only", about(t)));
    let parts: Vec<String> = without.into_iter().chain(read_only).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
