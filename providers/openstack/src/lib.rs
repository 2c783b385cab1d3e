//! OpenStack: instances, volumes, networks and addresses of one project, over the services' REST
//! APIs.

mod account;
mod api;
mod clouds;
mod creation;
mod data;
mod environment;
mod error;
mod identity;
mod json;
mod mark;
mod microversion;
mod provider;
mod resource;
mod service;
mod session;
mod validation;
mod waiting;

pub use provider::provider;
