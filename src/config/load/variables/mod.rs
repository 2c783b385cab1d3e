//! Values for the variables of the root module: from files, arguments and environment.

mod inputs;
mod resolve;

pub use inputs::Inputs;
pub use resolve::resolve;
