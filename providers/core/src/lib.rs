//! What needs no outside world: values, random values, time, TLS keys and certificates.

mod certificate;
mod kept;
mod key;
mod password;
mod provider;
mod random;
mod time;
mod value;

pub use provider::{provider, provider_with_clock};
