//! The provider against a small inventory service: `server.py`, a process of its own that answers
//! HTTP and HTTPS on the loopback. Needs `python3` and `openssl`: without them these tests fail,
//! they are not skipped.

mod authentication;
mod data;
mod doubt;
mod drift;
mod lifecycle;
mod pace;
mod patience;
mod secrets;
mod shapes;
mod support;
mod tls;
mod validation;
