mod certificates;
mod server;
mod service;
mod world;

pub use certificates::Certificates;
pub use server::Server;
pub use service::Service;
pub use world::{World, server, value};
