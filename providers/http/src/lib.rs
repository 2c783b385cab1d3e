//! Any REST API whose requests are described in HCL.

mod authentication;
mod client;
mod configuration;
mod data;
mod json;
mod pace;
mod pause;
mod place;
mod pointer;
mod provider;
mod redaction;
mod reply;
mod request;
mod resource;
mod session;
mod template;
mod trouble;
mod url;
mod wire;

pub use provider::provider;
