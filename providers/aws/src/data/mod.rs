//! What is looked up in EC2 and not made.

mod availability_zones;
mod image;
mod network;
mod schemas;
mod snapshot;

pub use availability_zones::{AvailabilityZonesData, KIND as AVAILABILITY_ZONES};
pub use image::{ImageData, KIND as IMAGE};
pub use network::{KIND as NETWORK, NetworkData};
pub use schemas::schemas;
pub use snapshot::{KIND as SNAPSHOT, SnapshotData};
