//! Diagnostics as people and programs read them.

mod excerpt;
mod json;
#[cfg(test)]
mod tests;
mod text;
mod wrap;

pub use json::json;
pub use text::render;
