//! Docker: images, networks, volumes and containers over the engine's API.

mod connection;
mod container;
mod data;
mod duration;
mod exec;
mod fault;
mod image;
mod labels;
mod lingering;
mod mode;
mod network;
mod provider;
mod session;
mod size;
mod validation;
mod volume;

pub use provider::provider;
