use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::Event;
use serde_json::{Map, Value as Json, json};

use crate::plan::{Outcome, RunEvent};
use crate::view::Screen;

use super::Reporter;
use super::wording::words;

/// One JSON object per event and line, for programs.
///
/// Every object has `type` and `at`, the seconds since the command's start. The first line is
/// `{"type":"version","format_version":"1.0","mprov_version":"…"}`; new types and members may be
/// added without a new version. Types of a run: `planned` (steps), `started` (address, activity),
/// `progress` (address, message, done, total), `log` (address, line), `finished` (address,
/// activity, outcome: `done` | `failed` | `abandoned`, elapsed_seconds, id, error), `skipped`
/// (address), `stopping` (running). Of a command: `diagnostic`, `plan`, `report`, `outputs`,
/// `key_made`. Activities: `refresh`, `create`, `update`, `delete`, `read`,
/// `configure`, `undo`, `recover`.
pub struct JsonLines {
    screen: Arc<Screen>,
    begin: Instant,
    pending: String,
}

impl JsonLines {
    pub const FORMAT_VERSION: &str = "1.0";

    pub fn new(screen: Arc<Screen>, begin: Instant) -> Self {
        Self { screen, begin, pending: String::new() }
    }

    /// The line that a stream begins with.
    pub fn first_line() -> String {
        let members = json!({
            "format_version": Self::FORMAT_VERSION,
            "mprov_version": env!("CARGO_PKG_VERSION"),
        });
        Self::line("version", Duration::ZERO, members)
    }

    /// A line of that type, so long after the start; `members` is an object.
    pub fn line(kind: &str, at: Duration, members: Json) -> String {
        let mut line = Map::new();
        line.insert("type".into(), json!(kind));
        line.insert("at".into(), json!(at.as_millis() as f64 / 1000.0));
        if let Json::Object(members) = members {
            line.extend(members);
        }
        format!("{}\n", Json::Object(line))
    }
}

impl Reporter for JsonLines {
    fn event(&mut self, at: Instant, event: &RunEvent) {
        let (kind, members) = members(event);
        self.pending.push_str(&Self::line(kind, at.saturating_duration_since(self.begin), members));
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.screen.out(&std::mem::take(&mut self.pending));
        }
    }
}

fn members(event: &RunEvent) -> (&'static str, Json) {
    match event {
        RunEvent::Planned { steps } => ("planned", json!({ "steps": steps })),
        RunEvent::Started { address, activity } => {
            ("started", json!({ "address": address, "activity": words(*activity).name }))
        }
        RunEvent::Inside { address, event: Event::Log(line) } => {
            ("log", json!({ "address": address, "line": line }))
        }
        RunEvent::Inside { address, event: Event::Progress(p) } => (
            "progress",
            json!({ "address": address, "message": p.message, "done": p.done, "total": p.total }),
        ),
        RunEvent::Finished { address, activity, outcome, elapsed, id } => {
            let (outcome, error) = match outcome {
                Outcome::Done => ("done", Json::Null),
                Outcome::Abandoned => ("abandoned", Json::Null),
                Outcome::Failed(why) => (
                    "failed",
                    json!({ "code": why.code.to_string(), "summary": why.summary, "detail": why.detail }),
                ),
            };
            let members = json!({
                "address": address,
                "activity": words(*activity).name,
                "outcome": outcome,
                "elapsed_seconds": elapsed.as_secs_f64(),
                "id": id,
                "error": error,
            });
            ("finished", members)
        }
        RunEvent::Skipped { address } => ("skipped", json!({ "address": address })),
        RunEvent::Stopping { running } => ("stopping", json!({ "running": running })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Activity;
    use mprov_sdk::Diagnostic;

    #[test]
    fn each_event_is_one_object_on_one_line() {
        let (screen, out, _) = Screen::captured("");
        screen.out(&JsonLines::first_line());
        let begin = Instant::now();
        let mut lines = JsonLines::new(Arc::new(screen), begin);
        let at = begin + Duration::from_millis(1500);
        lines.event(at, &RunEvent::Started { address: "a_b.c".into(), activity: Activity::Delete });
        lines
            .event(at, &RunEvent::Inside { address: "a_b.c".into(), event: Event::Log("two\nlines".into()) });
        lines.event(
            at,
            &RunEvent::Finished {
                address: "a_b.c".into(),
                activity: Activity::Delete,
                outcome: Outcome::Failed(Box::new(Diagnostic::error(3001, "in use").detail("Stop it."))),
                elapsed: Duration::from_millis(250),
                id: None,
            },
        );
        lines.flush();
        let version = env!("CARGO_PKG_VERSION");
        let expected = [
            format!(r#"{{"type":"version","at":0.0,"format_version":"1.0","mprov_version":"{version}"}}"#),
            r#"{"type":"started","at":1.5,"address":"a_b.c","activity":"delete"}"#.to_owned(),
            r#"{"type":"log","at":1.5,"address":"a_b.c","line":"two\nlines"}"#.to_owned(),
            concat!(
                r#"{"type":"finished","at":1.5,"address":"a_b.c","activity":"delete","outcome":"failed","#,
                r#""elapsed_seconds":0.25,"id":null,"#,
                r#""error":{"code":"MP3001","summary":"in use","detail":"Stop it."}}"#
            )
            .to_owned(),
        ];
        assert_eq!(out.text().lines().collect::<Vec<_>>(), expected);
    }
}
