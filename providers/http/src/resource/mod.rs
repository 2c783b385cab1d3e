//! `http_resource`: anything that an API creates, reads, updates and deletes.

mod birth;
mod change;
mod description;
mod difference;
mod doubt;
mod ending;
mod http_resource;
mod observation;
mod plan;
mod schema;
mod search;
mod sending;
mod validation;
mod waiting;

pub use http_resource::HttpResource;
pub use plan::plan;
pub use schema::{KIND, schema};
pub use validation::{CONTRADICTION, MALFORMED, validate};
