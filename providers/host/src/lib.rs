//! A machine: directories, files, commands, filesystems and clonable volumes. Everything goes over a
//! connection; for now there is the one to the machine that mprov runs on.

mod connection;
mod data;
mod entry;
mod fault;
mod fstab;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod lockstep;
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
mod signature;
mod size;
mod tool;
mod uuid;
mod writers;

pub use provider::provider;

use provider::refused;
