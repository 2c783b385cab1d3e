//! The provider against a real Caddy.

mod cutover;
mod drain;
mod freeze;
mod kills;
mod pause;
mod routes;
mod support;
mod tls;
mod visitors;
