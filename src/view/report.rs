use mprov_sdk::Diagnostics;
use serde_json::{Value as Json, json};

use crate::engine::{Interruption, Report};
use crate::plan::PlanMode;

use super::style::{Style, Tone};

/// How a run ended, in one sentence, and what to do now in another.
pub fn render(report: &Report, mode: PlanMode, style: Style) -> String {
    let what = match mode {
        PlanMode::Normal => "Apply",
        PlanMode::Destroy => "Destroy",
        PlanMode::Rehearse => "Rehearsal",
        PlanMode::Recorded => "Change of generations",
    };
    let counts =
        format!("{} added, {} changed, {} destroyed", report.added, report.changed, report.destroyed);
    let skipped = match report.skipped {
        0 => String::new(),
        1 => ", 1 action not begun".to_owned(),
        n => format!(", {n} actions not begun"),
    };
    let undone = match report.undone {
        0 => String::new(),
        1 => ", 1 taken back".to_owned(),
        n => format!(", {n} taken back"),
    };
    let (tone, verb, next) = match (report.interruption, failed(&report.failures), report.restored) {
        (Some(Interruption::Abandoned), ..) => (
            Tone::Warning,
            "interrupted",
            "What became of the running actions is found out by the next plan or apply.",
        ),
        (_, true, true) => (
            Tone::Error,
            "failed and taken back",
            "Everything is as it was before. Correct the cause and apply again.",
        ),
        (_, true, false) => (
            Tone::Error,
            "failed",
            "What was done is recorded. Correct the cause and apply again: it goes on from there.",
        ),
        (Some(Interruption::Stopped), ..) => {
            (Tone::Warning, "stopped", "What was done is recorded. Apply again to go on.")
        }
        (None, false, _) => (Tone::Add, "complete", ""),
    };
    let head = style.paint(tone, &format!("{what} {verb}:"));
    let next = if next.is_empty() { String::new() } else { format!("{next}\n") };
    let read_only = report
        .read_only
        .map_or_else(String::new, |time| format!("Users could not write for {:.1} s.\n", time.as_secs_f64()));
    format!("\n{head} {counts}{undone}{skipped}.\n{read_only}{next}")
}

/// The same for programs, the failures aside.
pub fn json(report: &Report) -> Json {
    let interruption = report.interruption.map(|i| match i {
        Interruption::Stopped => "stopped",
        Interruption::Abandoned => "abandoned",
    });
    json!({
        "added": report.added,
        "changed": report.changed,
        "destroyed": report.destroyed,
        "skipped": report.skipped,
        "undone": report.undone,
        "failed": failed(&report.failures),
        "restored": report.restored,
        "switched": report.switched,
        "read_only_seconds": report.read_only.map(|t| t.as_secs_f64()),
        "interruption": interruption,
    })
}

fn failed(failures: &Diagnostics) -> bool {
    failures.has_errors()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mprov_sdk::Diagnostic;

    fn text(report: Report) -> String {
        render(&report, PlanMode::Normal, Style::PLAIN)
    }

    #[test]
    fn each_end_says_what_to_do_now() {
        let failures = || Diagnostics::from(Diagnostic::error(3001, "x"));
        assert_eq!(
            text(Report { added: 2, ..Report::default() }),
            "\nApply complete: 2 added, 0 changed, 0 destroyed.\n"
        );
        assert_eq!(
            text(Report { added: 1, skipped: 3, failures: failures(), ..Report::default() }),
            "\nApply failed: 1 added, 0 changed, 0 destroyed, 3 actions not begun.\n\
             What was done is recorded. Correct the cause and apply again: it goes on from there.\n"
        );
        assert_eq!(
            text(Report { added: 1, undone: 1, restored: true, failures: failures(), ..Report::default() }),
            "\nApply failed and taken back: 1 added, 0 changed, 0 destroyed, 1 taken back.\n\
             Everything is as it was before. Correct the cause and apply again.\n"
        );
        let stopped = Report { skipped: 1, interruption: Some(Interruption::Stopped), ..Report::default() };
        assert_eq!(
            text(stopped),
            "\nApply stopped: 0 added, 0 changed, 0 destroyed, 1 action not begun.\n\
             What was done is recorded. Apply again to go on.\n"
        );
        let abandoned = Report { interruption: Some(Interruption::Abandoned), ..Report::default() };
        assert!(text(abandoned).contains("Apply interrupted: "));
    }
}
