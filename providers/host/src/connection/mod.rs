//! How a machine is reached.

mod api;
mod files;
mod local;
mod process;

pub use api::{Connection, EntryKind, Mount, NewFile, Space, Stat};
pub use local::Local;
