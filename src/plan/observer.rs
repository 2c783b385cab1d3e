use std::time::Duration;

use mprov_sdk::{Diagnostic, Event};

/// What a run does to an instance, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Looking at the world in planning.
    Refresh,
    Create,
    Update,
    Delete,
    /// Reading a data source.
    Read,
    /// Connecting a provider.
    Configure,
    /// Taking a step back.
    Undo,
    /// Finding out what became of a step of an earlier, interrupted run.
    Recover,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Done,
    /// Boxed: far larger than the others.
    Failed(Box<Diagnostic>),
    /// Given up while running; the journal keeps the doubt.
    Abandoned,
}

/// The one stream of events that all reporters fold over. Addresses are those of instances, or of
/// provider configurations for [`Activity::Configure`].
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// So many steps are going to run.
    Planned {
        steps: usize,
    },
    Started {
        address: String,
        activity: Activity,
    },
    Inside {
        address: String,
        event: Event,
    },
    Finished {
        address: String,
        activity: Activity,
        outcome: Outcome,
        elapsed: Duration,
        id: Option<String>,
    },
    /// Never started, because something it needs failed.
    Skipped {
        address: String,
    },
    /// Ctrl-C was heard once: no new steps are started.
    Stopping {
        running: usize,
    },
}

/// A reporter. Called from several threads; must not block.
pub trait Observer: Send + Sync {
    fn event(&self, event: &RunEvent);
}
