//! What can be said about loaded modules without any value.

mod call;
mod module;
mod moved;
mod names;
mod providers;
mod references;

pub use call::check_call;
pub use module::{Checked, check_module};
pub use providers::check_root;
