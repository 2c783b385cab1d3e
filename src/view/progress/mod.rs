//! What goes on in a run, for those who wait: bars on a terminal, lines elsewhere, JSON lines for
//! programs. All fold over the one stream of run events, in a thread of their own.

mod bars;
mod json_lines;
mod lines;
mod reporter;
mod reporting;
mod wording;

pub use bars::Bars;
pub use json_lines::JsonLines;
pub use lines::Lines;
pub use reporter::Reporter;
pub use reporting::Reporting;
