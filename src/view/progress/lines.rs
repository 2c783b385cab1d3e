use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::Event;

use crate::plan::{Activity, Outcome, RunEvent};
use crate::view::duration::elapsed;
use crate::view::literal::printable;
use crate::view::{Screen, Tone};

use super::Reporter;
use super::wording::{finished, is_worth_a_line, progress, skipped, stopping, words};

/// How often a step that takes long is heard of.
const STILL: Duration = Duration::from_secs(10);
/// New messages of one step come no faster than this; the last one is repeated with the next
/// "Still …" line.
const MESSAGES: Duration = Duration::from_secs(1);

/// One line per event, where there is no terminal to draw on.
pub struct Lines {
    screen: Arc<Screen>,
    /// Written at once when no more events are waiting: ten thousand short steps cost a few writes.
    pending: String,
    running: BTreeMap<String, Running>,
}

struct Running {
    activity: Activity,
    started: Instant,
    /// When the next "Still …" line is due.
    still: Instant,
    /// Without counts, to tell a new message from a new count.
    message: String,
    shown: String,
    message_due: Instant,
}

impl Lines {
    pub fn new(screen: Arc<Screen>) -> Self {
        Self { screen, pending: String::new(), running: BTreeMap::new() }
    }

    fn line(&mut self, text: &str) {
        self.pending.push_str(text);
        self.pending.push('\n');
    }

    fn inside(&mut self, at: Instant, address: &str, event: &Event) {
        let progressed = match event {
            Event::Log(line) => {
                let text = self.screen.talk_style().paint(Tone::Faint, &printable(line));
                return self.line(&format!("{}: | {text}", printable(address)));
            }
            Event::Progress(progressed) => progressed,
        };
        let Some(running) = self.running.get_mut(address) else { return };
        running.shown = progress(progressed);
        if running.message == progressed.message || at < running.message_due {
            return;
        }
        running.message.clone_from(&progressed.message);
        running.message_due = at + MESSAGES;
        let text = format!("{}: {}", printable(address), running.shown);
        self.line(&text);
    }
}

impl Reporter for Lines {
    fn event(&mut self, at: Instant, event: &RunEvent) {
        match event {
            RunEvent::Planned { .. } => {}
            RunEvent::Started { address, activity } => {
                let running = Running {
                    activity: *activity,
                    started: at,
                    still: at + STILL,
                    message: String::new(),
                    shown: String::new(),
                    message_due: at,
                };
                self.running.insert(address.clone(), running);
                if is_worth_a_line(*activity) {
                    self.line(&format!("{}: {}...", printable(address), words(*activity).doing));
                }
            }
            RunEvent::Inside { address, event } => self.inside(at, address, event),
            RunEvent::Finished { address, activity, outcome, elapsed, id } => {
                self.running.remove(address);
                if is_worth_a_line(*activity) || !matches!(outcome, Outcome::Done) {
                    self.line(&finished(address, *activity, outcome, *elapsed, id.as_deref()));
                }
            }
            RunEvent::Skipped { address } => self.line(&skipped(address)),
            RunEvent::Stopping { running } => self.line(&stopping(*running)),
        }
    }

    fn tick(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (address, running) in self.running.iter_mut().filter(|(_, r)| r.still <= now) {
            running.still = now + STILL;
            let doing = words(running.activity).doing.to_lowercase();
            let time = elapsed(now.saturating_duration_since(running.started));
            let message = match running.shown.as_str() {
                "" => String::new(),
                shown => format!(" {shown}"),
            };
            due.push(format!("{}: Still {doing}... [{time} elapsed]{message}", printable(address)));
        }
        due.iter().for_each(|line| self.line(line));
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.screen.talk(&std::mem::take(&mut self.pending));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mprov_sdk::{Diagnostic, Progress};

    struct Story {
        lines: Lines,
        begin: Instant,
        talk: crate::view::Captured,
    }

    impl Story {
        fn new() -> Self {
            let (screen, _, talk) = Screen::captured("");
            Self { lines: Lines::new(Arc::new(screen)), begin: Instant::now(), talk }
        }

        fn at(&mut self, seconds: u64, event: RunEvent) {
            self.lines.event(self.begin + Duration::from_secs(seconds), &event);
        }

        fn tick(&mut self, seconds: u64) {
            self.lines.tick(self.begin + Duration::from_secs(seconds));
        }

        fn text(mut self) -> String {
            self.lines.flush();
            self.talk.text()
        }
    }

    const BASE: &str = "docker_image.base";

    fn started(activity: Activity) -> RunEvent {
        RunEvent::Started { address: BASE.into(), activity }
    }

    fn inside(event: Event) -> RunEvent {
        RunEvent::Inside { address: BASE.into(), event }
    }

    fn counted(message: &str, done: u64) -> RunEvent {
        inside(Event::Progress(Progress { message: message.into(), done: Some(done), total: Some(7) }))
    }

    fn ended(activity: Activity, outcome: Outcome, seconds: u64, id: Option<&str>) -> RunEvent {
        RunEvent::Finished {
            address: BASE.into(),
            activity,
            outcome,
            elapsed: Duration::from_secs(seconds),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn a_long_step_is_heard_of_from_start_to_end() {
        let mut story = Story::new();
        story.at(0, started(Activity::Create));
        story.at(2, counted("pulling", 1));
        story.at(3, counted("pulling", 2));
        story.at(4, inside(Event::Log("Step 1\x1b[2J".into())));
        story.tick(9);
        story.tick(10);
        story.tick(11);
        story.tick(20);
        story.at(65, ended(Activity::Create, Outcome::Done, 65, Some("sha256:1")));
        story.tick(100);
        assert_eq!(
            story.text(),
            "docker_image.base: Creating...\n\
             docker_image.base: pulling (1/7)\n\
             docker_image.base: | Step 1\n\
             docker_image.base: Still creating... [10s elapsed] pulling (2/7)\n\
             docker_image.base: Still creating... [20s elapsed] pulling (2/7)\n\
             docker_image.base: Creation complete after 1m5s [id=sha256:1]\n"
        );
    }

    #[test]
    fn messages_that_come_fast_are_thinned_out() {
        let mut story = Story::new();
        story.at(0, started(Activity::Update));
        for (second, message) in [(0, "a"), (0, "b"), (1, "c")] {
            story.at(second, counted(message, 1));
        }
        assert_eq!(
            story.text(),
            "docker_image.base: Updating...\ndocker_image.base: a (1/7)\ndocker_image.base: c (1/7)\n"
        );
    }

    #[test]
    fn a_look_at_the_world_is_silent_unless_it_fails_or_takes_long() {
        let mut story = Story::new();
        story.at(0, started(Activity::Refresh));
        story.at(1, ended(Activity::Refresh, Outcome::Done, 1, None));
        story.at(2, started(Activity::Refresh));
        story.tick(12);
        let why = Box::new(Diagnostic::error(5001, "no answer"));
        story.at(13, ended(Activity::Refresh, Outcome::Failed(why), 11, None));
        assert_eq!(
            story.text(),
            "docker_image.base: Still refreshing... [10s elapsed]\n\
             docker_image.base: Refresh failed after 11s: no answer\n"
        );
    }

    #[test]
    fn stopping_skipping_and_giving_up_are_told() {
        let mut story = Story::new();
        story.at(0, RunEvent::Stopping { running: 2 });
        story.at(0, RunEvent::Skipped { address: "a_b.c".into() });
        story.at(3, ended(Activity::Delete, Outcome::Abandoned, 3, None));
        assert_eq!(
            story.text(),
            "Stopping: no new steps are begun; waiting for 2 running steps. Press Ctrl-C again to stop waiting.\n\
             a_b.c: Skipped, because something it needs failed\n\
             docker_image.base: Destroying given up after 3s; the next command finds out what became of it\n"
        );
    }
}
