//! Amazon EC2 and EBS: machines, disks and networks.

mod address;
mod address_association;
mod ask;
mod cidr;
mod common;
mod connection;
mod data;
mod failure;
mod instance;
mod internet_gateway;
mod key_pair;
mod kind;
mod pace;
mod provider;
mod route_table;
mod route_table_association;
mod security_group;
mod security_group_rule;
mod session;
mod snapshot;
mod subnet;
mod tags;
mod tracked;
mod validation;
mod volume;
mod volume_attachment;
mod volume_change;
mod vpc;

pub use pace::Pace;
pub use provider::{provider, provider_at};
