//! Values of the language.

mod number;
mod unknown;
#[allow(clippy::module_inception)]
mod value;

pub use number::{Number, NumberError};
pub use unknown::Unknown;
pub use value::Value;
