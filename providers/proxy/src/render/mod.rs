//! The whole configuration of Caddy from the model. Pure: the same model gives the same JSON.

mod freeze;
mod route;
mod server;
mod state_file;
mod tls;
mod upstream;
mod whole;

pub use route::ids;
pub use upstream::counted_as;
pub use whole::{GATE, Mounts, SLOT, UNANSWERED, configuration, probe_listen};
