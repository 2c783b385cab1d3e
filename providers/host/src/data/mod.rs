//! The data sources.

mod file;
mod machine;
#[cfg(test)]
mod tests;

pub use file::{HostFileData, schema as file_schema};
pub use machine::{HostInfo, schema as info_schema};
