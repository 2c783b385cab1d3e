pub mod certificate;
mod claim;
pub mod route;
mod route_attributes;
mod route_schema;
pub mod server;

use claim::{UNEXPECTED, UNEXPECTED_MEANS, claim, known, owner, refuse};
