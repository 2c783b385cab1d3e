use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mprov_sdk::{Event, Progress};

use crate::plan::{Activity, Outcome, RunEvent};
use crate::view::duration::elapsed;
use crate::view::literal::printable;
use crate::view::{Style, Tone};

use super::Reporter;
use super::wording::{finished, is_worth_a_line, progress, skipped, stopping, words};

/// Steps shorter than this never get a row: a row that flashes tells nothing.
const SHOW_AFTER: Duration = Duration::from_millis(200);
/// Rows of running steps; more would push the finished lines off the screen.
const ROWS: usize = 12;
/// Redraws in a second.
const FREQUENCY: u8 = 10;

/// A live table on a terminal: finished lines above, a row for each running step, the whole below.
pub struct Bars {
    screen: MultiProgress,
    whole: ProgressBar,
    style: Style,
    /// By the order in which they were begun.
    running: BTreeMap<usize, Running>,
    by_address: HashMap<String, usize>,
    next: usize,
    /// Finished lines not drawn yet: drawn together once in a tick.
    lines: Vec<String>,
    /// Rows of what has finished, taken away when its line is drawn.
    gone: Vec<ProgressBar>,
    begin: Option<Instant>,
    done: usize,
    steps: Option<usize>,
}

struct Running {
    address: String,
    activity: Activity,
    started: Instant,
    progress: Progress,
    log: Option<String>,
    row: Option<ProgressBar>,
}

impl Bars {
    pub fn stderr(style: Style) -> Self {
        Self::new(ProgressDrawTarget::stderr_with_hz(FREQUENCY), style)
    }

    pub fn new(target: ProgressDrawTarget, style: Style) -> Self {
        let screen = MultiProgress::with_draw_target(target);
        let whole = ProgressBar::no_length().with_style(template("{wide_msg}"));
        Self {
            screen,
            whole,
            style,
            running: BTreeMap::new(),
            by_address: HashMap::new(),
            next: 0,
            lines: Vec::new(),
            gone: Vec::new(),
            begin: None,
            done: 0,
            steps: None,
        }
    }

    fn inside(&mut self, address: &str, event: &Event) {
        let Some(running) = self.by_address.get(address).and_then(|id| self.running.get_mut(id)) else {
            return;
        };
        match event {
            Event::Log(line) => running.log = Some(printable(line)),
            Event::Progress(progress) => {
                running.progress = progress.clone();
                running.log = None;
            }
        }
    }

    fn end(&mut self, address: &str) {
        let ended = self.by_address.remove(address).and_then(|id| self.running.remove(&id));
        self.gone.extend(ended.and_then(|running| running.row));
    }

    fn ended_line(&self, line: String, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Done => line,
            Outcome::Failed(_) => self.style.paint(Tone::Error, &line),
            Outcome::Abandoned => self.style.paint(Tone::Warning, &line),
        }
    }

    fn draw_finished(&mut self) {
        for row in self.gone.drain(..) {
            self.screen.remove(&row);
        }
        if !self.lines.is_empty() {
            // A failure to draw is a terminal that went away: nobody is left to tell.
            let _ = self.screen.println(std::mem::take(&mut self.lines).join("\n"));
        }
    }

    fn draw_rows(&mut self, now: Instant) {
        let mut shown = self.running.values().filter(|r| r.row.is_some()).count();
        for running in self.running.values_mut() {
            let time = now.saturating_duration_since(running.started);
            if running.row.is_none() && shown < ROWS && time >= SHOW_AFTER {
                shown += 1;
                running.row = Some(self.screen.insert_before(&self.whole, ProgressBar::no_length()));
            }
            let Some(row) = &running.row else { continue };
            row.set_style(template(row_template(&running.progress)));
            if let (Some(done), Some(total)) = (running.progress.done, running.progress.total) {
                row.set_length(total);
                row.set_position(done);
            }
            row.set_prefix(row_prefix(running, time));
            row.set_message(row_message(running, self.style));
        }
    }

    fn draw_whole(&mut self, now: Instant) {
        let Some(begin) = self.begin else { return };
        let time = elapsed(now.saturating_duration_since(begin));
        let visible = self.running.values().filter(|r| r.row.is_some()).count();
        self.whole.set_message(whole_text(self.done, self.steps, self.running.len(), visible, &time));
    }
}

impl Reporter for Bars {
    fn event(&mut self, at: Instant, event: &RunEvent) {
        if self.begin.is_none() {
            self.begin = Some(at);
            self.whole = self.screen.add(self.whole.clone());
        }
        match event {
            RunEvent::Planned { steps } => {
                self.steps = Some(*steps);
                self.done = 0;
            }
            RunEvent::Started { address, activity } => {
                let running = Running {
                    address: printable(address),
                    activity: *activity,
                    started: at,
                    progress: Progress::default(),
                    log: None,
                    row: None,
                };
                self.by_address.insert(address.clone(), self.next);
                self.running.insert(self.next, running);
                self.next += 1;
            }
            RunEvent::Inside { address, event } => self.inside(address, event),
            RunEvent::Finished { address, activity, outcome, elapsed, id } => {
                self.end(address);
                self.done += usize::from(counts(*activity, self.steps.is_some()));
                if is_worth_a_line(*activity) || !matches!(outcome, Outcome::Done) {
                    let line = finished(address, *activity, outcome, *elapsed, id.as_deref());
                    self.lines.push(self.ended_line(line, outcome));
                }
            }
            RunEvent::Skipped { address } => {
                self.lines.push(self.style.paint(Tone::Faint, &skipped(address)))
            }
            RunEvent::Stopping { running } => {
                self.lines.push(self.style.paint(Tone::Warning, &stopping(*running)));
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        self.draw_finished();
        self.draw_rows(now);
        self.draw_whole(now);
    }

    fn finish(&mut self) {
        self.gone.extend(self.running.values_mut().filter_map(|running| running.row.take()));
        self.draw_finished();
        self.whole.finish_and_clear();
        let _ = self.screen.clear();
    }
}

/// Whether an activity is one of the plan's steps; in planning every look counts.
fn counts(activity: Activity, planned: bool) -> bool {
    match activity {
        Activity::Create | Activity::Update | Activity::Delete | Activity::Read => true,
        Activity::Refresh => !planned,
        Activity::Configure | Activity::Undo | Activity::Recover => false,
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text)
        .expect("the templates are constants of this file")
        .progress_chars("=> ")
}

fn row_template(progress: &Progress) -> &'static str {
    match (progress.done, progress.total) {
        (Some(_), Some(_)) => "  {prefix} [{bar:20}] {pos}/{len} {wide_msg}",
        _ => "  {prefix} {wide_msg}",
    }
}

/// `docker_image.base: creating 12s`
fn row_prefix(running: &Running, time: Duration) -> String {
    format!("{}: {} {}", running.address, words(running.activity).doing.to_lowercase(), elapsed(time))
}

/// The last line of a log where there is one, otherwise what the step says it does.
fn row_message(running: &Running, style: Style) -> String {
    match (&running.log, running.progress.done, running.progress.total) {
        (Some(line), ..) => style.paint(Tone::Faint, line),
        (None, Some(_), Some(_)) => printable(&running.progress.message),
        _ => progress(&running.progress),
    }
}

fn whole_text(done: usize, steps: Option<usize>, running: usize, visible: usize, time: &str) -> String {
    let more = match running - visible.min(running) {
        0 => String::new(),
        hidden => format!(" ({hidden} not shown)"),
    };
    match steps {
        Some(steps) => format!("{done}/{steps} steps, {running} running{more}, {time}"),
        None => format!("Looking at what is there: {done} done, {running} running{more}, {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            address: "docker_image.base".into(),
            activity: Activity::Create,
            started: Instant::now(),
            progress: Progress::default(),
            log: None,
            row: None,
        }
    }

    #[test]
    fn a_row_tells_address_time_and_the_last_word() {
        let mut running = running();
        assert_eq!(row_prefix(&running, Duration::from_secs(72)), "docker_image.base: creating 1m12s");
        assert_eq!(row_message(&running, Style::PLAIN), "");
        running.progress = Progress { message: "pulling".into(), done: Some(3), total: None };
        assert_eq!(row_message(&running, Style::PLAIN), "pulling (3)");
        running.log = Some("Step 1".into());
        assert_eq!(row_message(&running, Style { color: true, width: 80 }), "\x1b[2mStep 1\x1b[0m");
    }

    #[test]
    fn the_whole_is_counted_below() {
        assert_eq!(whole_text(3, Some(7), 2, 2, "5s"), "3/7 steps, 2 running, 5s");
        assert_eq!(whole_text(3, Some(70), 20, 12, "5s"), "3/70 steps, 20 running (8 not shown), 5s");
        assert_eq!(whole_text(3, None, 1, 1, "5s"), "Looking at what is there: 3 done, 1 running, 5s");
    }

    #[test]
    fn ten_thousand_short_steps_never_get_a_row() {
        let mut bars = Bars::new(ProgressDrawTarget::hidden(), Style::PLAIN);
        let at = Instant::now();
        bars.event(at, &RunEvent::Planned { steps: 10_000 });
        for i in 0..10_000 {
            let address = format!("core_value.v[{i}]");
            bars.event(at, &RunEvent::Started { address: address.clone(), activity: Activity::Create });
            assert!(bars.running.values().all(|r| r.row.is_none()));
            let elapsed = Duration::ZERO;
            let (activity, outcome) = (Activity::Create, Outcome::Done);
            bars.event(at, &RunEvent::Finished { address, activity, outcome, elapsed, id: None });
        }
        assert_eq!((bars.done, bars.running.len(), bars.lines.len()), (10_000, 0, 10_000));
        bars.tick(at);
        assert!(bars.lines.is_empty());
    }

    #[test]
    fn long_steps_get_rows_up_to_a_limit() {
        let mut bars = Bars::new(ProgressDrawTarget::hidden(), Style::PLAIN);
        let at = Instant::now();
        for i in 0..20 {
            let address = format!("core_value.v[{i}]");
            bars.event(at, &RunEvent::Started { address, activity: Activity::Create });
        }
        bars.tick(at + Duration::from_secs(1));
        assert_eq!(bars.running.values().filter(|r| r.row.is_some()).count(), ROWS);
        bars.finish();
    }
}
