mod body;
mod diff;
mod files;
mod import;
mod limits;
mod logs;
mod observe;
mod readiness;
mod resource;
mod schema;
mod start;
mod validation;

pub use diff::plan;
pub use resource::ContainerResource;
pub use schema::{KIND, schema};
pub use validation::validate;
