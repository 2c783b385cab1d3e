pub mod checks;
pub mod code;
pub mod health;
pub mod plugins;
pub mod requirements;
pub mod upgrade_path;
