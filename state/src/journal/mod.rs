//! The append-only record of an apply.
//!
//! One JSON object a line: `{"sum":"<16 hex digits>","seq":3,"durable":2,"record":{…}}`. `sum` is
//! the beginning of the BLAKE3 hash of everything after it, `seq` counts from 0, and `durable` is
//! the number of records that were known to be on disk when this one was written. By it a reader
//! can tell a crash from damage: what is torn and was never acknowledged may be cut off, what is
//! torn and was acknowledged is lost.

mod line;
mod reader;
mod writer;

pub(crate) use reader::{Recorded, read};
pub use writer::Journal;
pub(crate) use writer::{Start, write_header};

#[cfg(test)]
mod tests;
