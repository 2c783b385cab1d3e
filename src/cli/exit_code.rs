use mprov_sdk::Diagnostics;

use crate::engine::{Interruption, Report};

/// What the caller of a command learns from its end. The numbers never change their meaning
/// (`docs/reference/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or there was nothing to do.
    Done = 0,
    /// Failed. What was done until then is in the state; the next apply goes on from it.
    Failed = 1,
    /// `plan -detailed-exitcode`: it worked, and there is something to do.
    ChangesPending = 2,
    /// Another command holds the lock.
    Locked = 3,
    /// Stopped by Ctrl-C between steps; the next apply goes on.
    Stopped = 4,
    /// Failed, and everything in the scope of the failure was taken back.
    Undone = 5,
    /// Refused by a safety gate; nothing was done.
    Refused = 6,
    /// Wrong usage of the command line (`EX_USAGE` of sysexits.h).
    Usage = 64,
    /// Interrupted: planning was given up, or steps were still running in the second Ctrl-C
    /// (128 + SIGINT). The next command finds out what became of them.
    Interrupted = 130,
}

/// Codes of diagnostics that tell more than "failed".
const LOCKED: u16 = 4001;
const INTERRUPTED: u16 = 2090;
/// Something protected would be destroyed; a saved plan is stale; a cut-over was not rehearsed, was
/// rolled back, or cannot be told; users' writes would be lost; nobody approved.
const REFUSED: [u16; 8] =
    [2040, 2060, 2072, 2073, 2074, 2079, super::recorded::WRITTEN, super::approval::NOT_APPROVED];

impl ExitCode {
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Failed,
        Self::ChangesPending,
        Self::Locked,
        Self::Stopped,
        Self::Undone,
        Self::Refused,
        Self::Usage,
        Self::Interrupted,
    ];

    pub fn number(self) -> u8 {
        self as u8
    }

    /// Of a command that ended with these. A gate counts only where nothing worse happened.
    pub fn of_diagnostics(diagnostics: &Diagnostics) -> Self {
        let mut errors = diagnostics.iter().filter(|d| d.is_error()).peekable();
        if errors.peek().is_none() {
            return Self::Done;
        }
        let has = |code: u16| diagnostics.iter().any(|d| d.is_error() && d.code.0 == code);
        match () {
            () if has(LOCKED) => Self::Locked,
            () if has(INTERRUPTED) => Self::Interrupted,
            () if errors.all(|d| REFUSED.contains(&d.code.0)) => Self::Refused,
            () => Self::Failed,
        }
    }

    /// Of a run.
    pub fn of_report(report: &Report) -> Self {
        match report.interruption {
            Some(Interruption::Abandoned) => return Self::Interrupted,
            Some(Interruption::Stopped) if !report.failures.has_errors() => return Self::Stopped,
            _ => {}
        }
        match (report.failures.has_errors(), report.restored) {
            (false, _) => Self::Done,
            (true, true) => Self::Undone,
            (true, false) => Self::Failed,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mprov_sdk::Diagnostic;

    fn of(codes: &[u16]) -> ExitCode {
        ExitCode::of_diagnostics(&codes.iter().map(|code| Diagnostic::error(*code, "x")).collect())
    }

    #[test]
    fn diagnostics_decide_the_code() {
        assert_eq!(of(&[]), ExitCode::Done);
        assert_eq!(of(&[1101]), ExitCode::Failed);
        assert_eq!(of(&[4001]), ExitCode::Locked);
        assert_eq!(of(&[2090]), ExitCode::Interrupted);
        assert_eq!(of(&[2040, 2040]), ExitCode::Refused);
        assert_eq!(of(&[2040, 1101]), ExitCode::Failed);
        let warning = Diagnostic::warning(2040, "x").into();
        assert_eq!(ExitCode::of_diagnostics(&warning), ExitCode::Done);
    }

    #[test]
    fn a_report_decides_the_code() {
        let failures = || Diagnostics::from(Diagnostic::error(3001, "x"));
        let of = |report: Report| ExitCode::of_report(&report);
        let stopped = Some(Interruption::Stopped);
        assert_eq!(of(Report::default()), ExitCode::Done);
        assert_eq!(of(Report { failures: failures(), ..Report::default() }), ExitCode::Failed);
        assert_eq!(
            of(Report { failures: failures(), restored: true, ..Report::default() }),
            ExitCode::Undone
        );
        assert_eq!(of(Report { interruption: stopped, ..Report::default() }), ExitCode::Stopped);
        assert_eq!(
            of(Report { interruption: stopped, failures: failures(), ..Report::default() }),
            ExitCode::Failed
        );
        let abandoned = Some(Interruption::Abandoned);
        assert_eq!(of(Report { interruption: abandoned, ..Report::default() }), ExitCode::Interrupted);
    }

    #[test]
    fn every_code_is_on_the_page() {
        let page = include_str!("../../docs/reference/exit-codes.md");
        for code in ExitCode::ALL {
            assert!(page.contains(&format!("| {} |", code.number())), "{code:?} is missing");
        }
    }
}
