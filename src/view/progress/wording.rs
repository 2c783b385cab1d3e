use std::time::Duration;

use mprov_sdk::Progress;

use crate::plan::{Activity, Outcome};
use crate::view::duration::elapsed;
use crate::view::literal::printable;

/// The words for one activity.
pub struct Words {
    /// `Creating`
    pub doing: &'static str,
    /// `Creation`, followed by `complete` or `failed`
    pub deed: &'static str,
    /// `create`, in JSON
    pub name: &'static str,
}

pub fn words(activity: Activity) -> Words {
    let (doing, deed, name) = match activity {
        Activity::Refresh => ("Refreshing", "Refresh", "refresh"),
        Activity::Create => ("Creating", "Creation", "create"),
        Activity::Update => ("Updating", "Update", "update"),
        Activity::Delete => ("Destroying", "Destruction", "delete"),
        Activity::Read => ("Reading", "Read", "read"),
        Activity::Configure => ("Connecting", "Connection", "configure"),
        Activity::Undo => ("Taking back", "Undo", "undo"),
        Activity::Recover => ("Recovering", "Recovery", "recover"),
    };
    Words { doing, deed, name }
}

/// Whether people want to hear of it while it goes well: not of every look at the world.
pub fn is_worth_a_line(activity: Activity) -> bool {
    !matches!(activity, Activity::Refresh | Activity::Configure)
}

/// `docker_container.web: Creation complete after 3s [id=c1]`
pub fn finished(
    address: &str,
    activity: Activity,
    outcome: &Outcome,
    time: Duration,
    id: Option<&str>,
) -> String {
    let Words { deed, doing, .. } = words(activity);
    let (address, time) = (printable(address), elapsed(time));
    match outcome {
        Outcome::Done => {
            let id = id.map_or_else(String::new, |id| format!(" [id={}]", printable(id)));
            format!("{address}: {deed} complete after {time}{id}")
        }
        Outcome::Failed(why) => format!("{address}: {deed} failed after {time}: {}", printable(&why.summary)),
        Outcome::Abandoned => {
            format!("{address}: {doing} given up after {time}; the next command finds out what became of it")
        }
    }
}

/// `pulling layers (3/7)`
pub fn progress(progress: &Progress) -> String {
    let message = printable(&progress.message);
    match (progress.done, progress.total) {
        (Some(done), Some(total)) => format!("{message} ({done}/{total})"),
        (Some(done), None) => format!("{message} ({done})"),
        _ => message,
    }
}

pub fn skipped(address: &str) -> String {
    format!("{}: Skipped, because something it needs failed", printable(address))
}

pub fn stopping(running: usize) -> String {
    let steps = if running == 1 { "1 running step".to_owned() } else { format!("{running} running steps") };
    format!("Stopping: no new steps are begun; waiting for {steps}. Press Ctrl-C again to stop waiting.")
}
