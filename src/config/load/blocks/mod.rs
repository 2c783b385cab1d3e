//! Parsed blocks to the parts of a module.

mod call;
mod fields;
mod lifecycle;
mod moved;
mod name;
mod provider;
mod provider_ref;
mod repeat;
mod resource;
mod rollout;
mod settings;
mod top_level;
mod values;
mod variable;

pub use call::PendingCall;
pub use name::is_name;
pub use top_level::Builder;
