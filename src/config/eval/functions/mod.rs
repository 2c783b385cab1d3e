//! The functions of the language, one file for each family.

mod chrono;
mod cidr;
mod collections;
mod conversion;
mod csv;
mod decimal;
mod digest;
mod encoding;
mod files;
mod format;
mod glob;
mod json;
mod lists;
mod maps;
mod numbers;
mod pattern;
mod sets;
mod signature;
mod table;
mod text;
mod yaml;

pub use conversion::unify_types;
pub use files::read_text;
pub use signature::{Failure, Function, Marks, Param, Run, Special, Surroundings, Unknowns};
pub use table::{function, instead_of};
