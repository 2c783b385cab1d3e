//! The reverse proxy of a site: its listeners, certificates and routes as resources.
//!
//! The first engine is Caddy (2.6 or later), driven over its admin API on a Unix socket or on
//! loopback. Two kinds of change are kept apart, because they cost users different things:
//!
//! - What the proxy *is* (routes, certificates, limits) is one configuration, loaded as a whole.
//!   Loading closes idle connections, and resets new ones that nobody has accepted yet (Caddy 2.6
//!   opens its sockets anew), so a client may meet a closed one once.
//! - What must change without one failed request (the upstream of each slot, which slot is live,
//!   freeze) is tested by the routes in *state files*: creating or removing a file is the change,
//!   and it survives restarts. Whatever a cut-over changes is of this kind.

mod admin;
mod blueprint;
mod check;
mod configuration;
mod drain;
mod model;
mod place;
mod probe;
mod provider;
mod render;
mod resource;
mod session;
mod size;
mod slot;
mod state;

pub use blueprint::blueprints;
pub use provider::provider;
