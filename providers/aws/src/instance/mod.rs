//! Virtual machines.

mod change;
mod kind;
mod observe;
mod plan;
mod request;
mod schema;
mod validation;

pub use kind::InstanceKind;
pub use plan::plan;
pub use schema::KIND;
pub use validation::validate;
