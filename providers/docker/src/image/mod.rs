mod build;
mod context;
mod dockerignore;
mod load;
mod release;
mod resource;
mod schema;
mod source;
mod validation;

pub use resource::ImageResource;
pub use schema::{KIND, schema};
pub use validation::validate;
