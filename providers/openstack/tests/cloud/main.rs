//! The provider against a real OpenStack (Keystone, Glance, Placement, Nova, Cinder and Neutron of
//! Debian) whose instances are real machines: see `tests/rig/README.md`.

mod account;
mod admin;
mod attachments;
mod data;
mod faults;
mod instances;
mod lost;
mod machine;
mod networks;
mod proxy;
mod rig;
mod volumes;
mod world;
