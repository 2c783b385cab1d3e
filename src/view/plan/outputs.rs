use crate::plan::OutputChange;
use crate::view::change::write_change;
use crate::view::literal::columns;
use crate::view::page::{Mark, Page};
use crate::view::value::{Cut, Frame, write_value};

/// The root module's outputs that change.
pub fn write(page: &mut Page, outputs: &[OutputChange]) {
    if outputs.is_empty() {
        return;
    }
    page.raw("Changes of outputs:\n");
    let width = outputs.iter().map(|o| columns(&o.name)).max().unwrap_or(0);
    for output in outputs {
        let before = output.before.clone().with_sensitivity(output.sensitive && !output.before.is_null());
        let after = output.after.clone().with_sensitivity(output.sensitive && !output.after.is_null());
        let frame = Frame::entry(&output.name, width);
        match before.same(&after) {
            true => write_value(page, 0, Mark::Change, &frame, &after, Cut::PLAN),
            false => write_change(page, 0, &frame, &before, &after),
        }
    }
    page.blank();
}
