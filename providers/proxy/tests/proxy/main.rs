//! The provider against a real Caddy.

mod cutover;
mod drain;
mod freeze;
mod http2;
mod kills;
mod pause;
mod routes;
mod support;
mod tls;
mod visitors;
