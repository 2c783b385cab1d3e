//! The provider on real containers with the stand-in: generations of one site are cloned, upgraded,
//! checked, drained and counted, on MariaDB and on PostgreSQL. Needs root, a Docker Engine and, the
//! first time, what `examples/images/base/make-base` needs; without them these tests fail.
//!
//! Everything that a test makes has a prefix of its own, `mprov-moodle-…`, and goes with it. What
//! stays between runs are the layers under `mprov-test-cache/…`.

mod docker;
mod exec;
mod generation;
mod images;
mod origin;

mod drain;
mod upgrade;
mod verification;
mod written;

mod mariadb;
mod postgres;
