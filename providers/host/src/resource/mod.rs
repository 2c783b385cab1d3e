//! The managed types.

mod command;
mod command_plan;
#[cfg(test)]
mod command_tests;
mod device;
mod directory;
#[cfg(test)]
mod directory_tests;
mod directory_volume;
mod driver;
mod file;
#[cfg(test)]
mod file_tests;
mod filesystem;
mod filesystem_kind;
mod filesystem_plan;
mod filesystem_schema;
#[cfg(test)]
mod filesystem_tests;
mod image;
mod image_volume;
#[cfg(test)]
mod image_volume_tests;
mod lvm;
mod lvm_volume;
#[cfg(test)]
mod lvm_volume_tests;
mod mend;
mod mounted_volume;
mod mounting;
mod redaction;
mod volume;
#[cfg(test)]
mod volume_cost_tests;
mod volume_place;
mod volume_plan;
#[cfg(test)]
mod volume_tests;
mod zfs;
mod zfs_volume;
#[cfg(test)]
mod zfs_volume_tests;

pub use command::{HostCommand, schema as command_schema, validate as validate_command};
pub use command_plan::plan as plan_command;
pub use directory::{HostDirectory, schema as directory_schema};
pub use file::{HostFile, schema as file_schema, validate as validate_file};
pub use filesystem::HostFilesystem;
pub use filesystem_plan::plan as plan_filesystem;
pub use filesystem_schema::{schema as filesystem_schema, validate as validate_filesystem};
pub use volume::{HostVolume, schema as volume_schema, validate as validate_volume};
pub use volume_plan::plan as plan_volume;
