//! One file for each type of resource.

pub mod address;
pub mod address_association;
pub mod instance;
pub mod key_pair;
pub mod network;
mod neutron;
pub mod port;
pub mod router;
pub mod security_group;
pub mod security_group_rule;
pub mod snapshot;
pub mod subnet;
pub mod volume;
pub mod volume_attachment;
