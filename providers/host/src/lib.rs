//! A machine: directories, files, commands and clonable volumes. Everything goes over a
//! connection; for now there is the one to the machine that mprov runs on.

mod connection;
mod data;
mod fault;
mod machine;
mod mark;
mod ownership;
mod parents;
mod path;
mod provider;
mod resource;
#[cfg(test)]
mod rig;
mod room;
#[cfg(test)]
mod scratch;
mod size;
mod tool;

pub use provider::provider;

use provider::refused;
