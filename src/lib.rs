//! mprov, a declarative provisioner for Moodle sites.
//!
//! The rooms, each depending on those before it only:
//! `config` (HCL text to typed configuration, expressions), `graph` (a DAG that knows nothing of
//! mprov), `plan` (desired x stored x observed to a plan), `engine` (carries a plan out), `view`
//! (all that is printed), `cli` (arguments, environment, exit codes), `catalog` (the providers).

pub mod catalog;
pub mod cli;
pub mod config;
pub mod engine;
pub mod graph;
pub mod plan;
pub mod view;
pub mod workspace;
