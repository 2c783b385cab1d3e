//! Files to typed modules.

mod blocks;
mod check;
mod fault;
mod files;
mod header;
mod heredoc;
mod lexer;
mod loader;
mod parse;
mod place;
mod snapshot;
mod split;
mod syntax;
#[cfg(test)]
mod tests;
pub mod variables;
mod version;

pub use files::{FileSource, ModuleFile, ModuleSources, Unreadable};
pub use place::ModulePlace;
pub use snapshot::{load, load_snapshot, snapshot};
