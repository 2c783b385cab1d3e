//! A Moodle site as resources: its source, its installation, its settings, its maintenance mode
//! and its checks.
//!
//! The site runs in a container that another provider made; it is reached through
//! [`mprov_sdk::ContainerExec`] only, by the commands that the images of `examples/images` hold
//! (`install.php`, `upgrade.php`, `identity.php`, `set-password.php`, `settings.php`, `health.php`,
//! and `durability` in those of databases) and by Moodle's own `admin/cli`. No secret is ever an
//! argument or in the environment: secrets go in by standard input.

mod account;
mod blueprint;
mod caches;
mod catalogue;
mod checks;
mod connections;
mod data;
mod durability;
mod duration;
mod health;
mod identity;
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
mod upgrade;
mod validation;
mod verification;
mod web;
mod written;

pub use blueprint::blueprints;
pub use provider::provider;
