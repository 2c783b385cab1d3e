pub mod drain;
pub mod maintenance;
pub mod settings;
pub mod site;
pub mod site_schema;
pub mod source;
pub mod verification;
