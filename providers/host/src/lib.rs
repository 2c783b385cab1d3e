//! A machine: directories, files, commands, filesystems and clonable volumes. Everything goes over a
//! connection: to the machine that mprov runs on, or to another one by SSH.

mod connection;
mod data;
mod duration;
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
#[cfg(test)]
#[path = "../../../tests/support/sshd.rs"]
mod sshd;
mod tool;
mod uuid;
mod writers;

pub use provider::provider;

use provider::refused;
