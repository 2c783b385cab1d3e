//! A Moodle site as resources: its source, its installation, its settings, its maintenance mode
//! and its checks.
//!
//! The site runs in a container that another provider made; it is reached through
//! [`mprov_sdk::ContainerExec`] only, by the commands that the images of `examples/images` hold
//! (`install.php`, `set-password.php`, `settings.php`, `health.php`) and by Moodle's own
//! `admin/cli`. No secret is ever an argument or in the environment: secrets go in by standard
//! input.

mod account;
mod blueprint;
mod checks;
mod data;
mod duration;
mod health;
mod install;
mod login_page;
mod maintenance;
mod profile;
mod provider;
mod ready;
mod redaction;
mod resource;
mod session;
mod setting;
mod source;
mod validation;
mod web;

pub use blueprint::blueprints;
pub use provider::provider;
