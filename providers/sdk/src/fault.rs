use std::fmt;

use crate::{AttributeError, Object};

/// A failed provider call.
#[derive(Clone, Debug)]
pub struct Fault {
    /// One line: what could not be done.
    pub summary: String,
    /// Why, as far as it is known, with the last lines of a log where there is one; and what to do.
    pub detail: String,
    /// What exists all the same and has to be recorded (a container that was created but did not
    /// become healthy).
    pub partial: Option<Object>,
    /// The partial instance can be finished by an update; otherwise it is replaced.
    pub resumable: bool,
}

impl Fault {
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), detail: String::new(), partial: None, resumable: false }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With what exists and is to be replaced by the next apply.
    pub fn broken(mut self, partial: Object) -> Self {
        self.partial = Some(partial);
        self.resumable = false;
        self
    }

    /// With what exists and is to be finished by the next apply.
    pub fn unfinished(mut self, partial: Object) -> Self {
        self.partial = Some(partial);
        self.resumable = true;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl From<AttributeError> for Fault {
    fn from(error: AttributeError) -> Self {
        Self::new(error.to_string()).detail("This is a defect of the provider: please report it.")
    }
}
