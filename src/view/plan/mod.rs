//! A plan as a person reads it, and as a program does.

mod block;
mod drift;
mod grouping;
mod json;
mod outputs;
mod rollouts;
#[cfg(test)]
mod tests;
mod text;
mod title;
mod totals;

pub use json::{FORMAT_VERSION, json};
pub use text::render;
pub use totals::counts;
