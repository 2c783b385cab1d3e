pub mod checks;
pub mod health;
