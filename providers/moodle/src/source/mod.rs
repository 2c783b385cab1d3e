//! Moodle's code: where it comes from, and what it is.

pub mod addition;
pub mod archive;
pub mod cache;
pub mod download;
pub mod git;
pub mod pinned;
pub mod plugin_file;
pub mod plugins;
pub mod standard;
pub mod tree;
pub mod version_file;
