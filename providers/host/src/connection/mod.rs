//! How a machine is reached.

mod api;
mod files;
mod local;
mod process;
mod ssh;

pub use api::{Connection, EntryKind, Mount, NewFile, Space, Stat};
pub use local::Local;
pub use ssh::{Remote, Settings, attributes as ssh_attributes, validate as validate_ssh};
