//! A simulated world with latency, faults, drift and eventual consistency, for tests of the engine
//! and benchmarks. It lives in a folder, so it survives the death of mprov and tests can change it.

mod json;
mod lookup;
mod provider;
mod resource;
mod schema;
mod session;
mod world;

pub use provider::provider;
pub use world::{CallRecord, World, WorldObject};
