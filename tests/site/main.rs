//! The quick start's site on real Docker, end to end: it comes up, changes, drifts, is repaired,
//! is killed at any moment, keeps its secrets and goes away. Needs root, a Docker Engine, curl and
//! what `examples/images/base/make-base` needs; without them these tests fail.
//!
//! Everything that a test makes has its own prefix `mprov-test-…`. What stays between runs are the
//! layers under `mprov-test-cache/…` and the base in `~/.cache/mprov`, so that images are built once.
#![allow(clippy::print_stderr)] // how long it took, and the seed that does it again

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod docker;
mod endpoint;
mod images;
mod inventory;
mod kills;
mod life;
mod load;
mod remote;
mod rollout;
mod secrets;
mod site;
mod witness;
