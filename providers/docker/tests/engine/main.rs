//! The provider against the Docker engine of this machine (`DOCKER_HOST`'s default socket) and a
//! tiny image made from `/bin/busybox` (Debian: `apt-get install busybox-static`). Both must be
//! there: without them these tests fail, they are not skipped.

mod connection;
mod containers;
mod exec;
mod images;
mod networks;
mod recovery;
mod registry;
mod secrets;
mod volumes;
mod world;
