use std::path::Path;

use mprov_sdk::{Diagnostic, Span, Value};

use crate::config::Subject;

/// Where references in an expression get their values from.
pub trait Scope {
    /// The value of the subject. For a resource or module call that repeats: all instances, a
    /// tuple for `count`, an object for `for_each`.
    fn value(&self, subject: &Subject, span: Span) -> Result<Value, Diagnostic>;

    /// One instance of a resource or module call, by the index or key that stands behind it:
    /// never builds the collection of all. An instance that does not exist is an error; a key that
    /// is unknown gives an unknown.
    fn instance(&self, subject: &Subject, key: &Value, span: Span) -> Result<Value, Diagnostic>;

    /// The folder that `file()` and its like are relative to: the root module's.
    fn base_dir(&self) -> &Path;

    /// The time of the plan, RFC 3339 in UTC, for `plantimestamp()`; the same in plan and apply.
    fn plan_time(&self) -> &str;

    /// The time of the apply, RFC 3339 in UTC, for `timestamp()`; none while planning, where the
    /// function gives an unknown.
    fn apply_time(&self) -> Option<&str> {
        None
    }
}
