//! Servers of Nova.

mod boot;
mod observe;
mod resource;
mod schema;
pub mod server;

pub use resource::InstanceResource;
pub use schema::{KIND, schema};
