pub mod maintenance;
pub mod settings;
pub mod site;
pub mod source;
