//! The provider against a real Caddy.

mod routes;
mod support;
mod tls;
