use std::time::Instant;

use crate::plan::RunEvent;

/// One way of showing a run. Called from one thread only; `at` is when it happened.
pub trait Reporter: Send {
    fn event(&mut self, at: Instant, event: &RunEvent);

    /// Time has passed: about ten times a second, also while nothing happens.
    fn tick(&mut self, _now: Instant) {}

    /// No more events are waiting at the moment: what was held back to be written at once is due.
    fn flush(&mut self) {}

    /// The run is over.
    fn finish(&mut self) {}
}
