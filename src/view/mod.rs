//! All that a person or a program reads. Nothing else in mprov prints.

mod change;
pub mod diagnostic;
mod duration;
mod edits;
pub mod generations;
mod json;
mod literal;
pub mod output;
mod page;
pub mod plan;
pub mod progress;
pub mod report;
mod screen;
pub mod state;
mod style;
mod terminal;
mod value;

pub use screen::{Captured, Screen};
pub use style::{Style, Tone};
pub use terminal::Stream;
