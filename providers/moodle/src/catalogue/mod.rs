//! What is known of Moodle's releases: which can be reached from which, what they need, and how
//! long they are looked after.

pub mod advice;
pub mod code;
pub mod environment;
pub mod release;
pub mod releases;
pub mod requirements;
pub mod route;
