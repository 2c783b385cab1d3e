//! The body of a block against a schema.

mod check;
mod dynamic;
mod evaluate;
mod references;
mod slot;

pub use check::static_check_body;
pub use evaluate::evaluate_body;
pub use references::body_references;
