//! A machine over one SSH connection (RFC 4251 to 4254).

mod authentication;
mod errno;
mod exec;
mod files;
mod forward;
mod link;
mod script;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

pub use files::Remote;
pub use settings::{Settings, attributes, validate};
