//! One file for each data source.

pub mod availability_zones;
pub mod image;
pub mod instance_type;
pub mod network;
pub mod snapshot;
