//! The provider against moto, which speaks EC2's wire format, through a proxy that adds what moto
//! lacks: EC2's refusals, its promises about client tokens, and everything that goes wrong. Moto is
//! installed from PyPI on the first run (below `~/.cache/mprov`), which needs python3 with venv.
//! Without it these tests fail, they are not skipped.

mod convergence;
mod data_sources;
mod faults;
mod instances;
mod lifecycle;
mod moto;
mod networks;
mod proxy;
mod refusals;
mod request;
mod volumes;
mod world;
mod xml;
