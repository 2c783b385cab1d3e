//! The whole configuration of Caddy from the model. Pure: the same model gives the same JSON.

mod freeze;
mod route;
mod server;
mod tls;
mod upstream;
mod whole;

pub use route::ids;
pub use whole::{Mounts, SLOT, UNANSWERED, configuration};
