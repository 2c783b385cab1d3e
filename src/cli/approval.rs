use std::sync::Arc;

use mprov_sdk::Diagnostic;

use crate::engine::Stop;
use crate::plan::PlanMode;
use crate::view::{Screen, Tone};

use super::failure::Failure;

/// The code of "nobody approved".
pub const NOT_APPROVED: u16 = 3002;

/// Asks for the typed word. Ctrl-C at the question is an interruption.
///
/// # Errors
/// Nobody can be asked, the answer is another, or it was interrupted. Nothing was done.
pub async fn ask(screen: &Arc<Screen>, mode: PlanMode, may_ask: bool, stop: &Stop) -> Result<(), Failure> {
    if !may_ask {
        return Err(refused("nobody may be asked for approval (-input=false)"));
    }
    let (sender, answer) = tokio::sync::oneshot::channel();
    let asking = screen.clone();
    let question = question(screen, mode);
    // A thread of its own, since reading a line cannot be cancelled: it ends with the process.
    std::thread::spawn(move || sender.send(asking.ask(&question)));
    let answer = tokio::select! {
        answer = answer => answer.ok().flatten(),
        () = stop.gently.cancelled() => {
            screen.talk("\n");
            return Err(crate::plan::interrupted().into());
        }
    };
    match answer.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(refused("it was not approved")),
        None => Err(refused("nobody answered")),
    }
}

fn question(screen: &Screen, mode: PlanMode) -> String {
    let words = match mode {
        PlanMode::Normal | PlanMode::Rehearse | PlanMode::Recorded => "Do you want to perform these actions?",
        PlanMode::Destroy => "Do you really want to destroy all of this?",
    };
    let words = screen.talk_style().paint(Tone::Strong, words);
    format!("\n{words}\n  Only \"yes\" is taken for approval.\n\n  Answer: ")
}

fn refused(summary: &str) -> Failure {
    Diagnostic::error(NOT_APPROVED, summary)
        .detail("Nothing was done. Answer \"yes\", or give -auto-approve where nobody can be asked.")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ExitCode;

    async fn code(input: &'static str, may_ask: bool) -> ExitCode {
        let screen = Arc::new(Screen::captured(input).0);
        let result = ask(&screen, PlanMode::Normal, may_ask, &Stop::default()).await;
        result.map_or_else(|f| ExitCode::of_diagnostics(&f.diagnostics), |()| ExitCode::Done)
    }

    #[tokio::test]
    async fn only_the_whole_word_approves() {
        assert_eq!(code("yes\n", true).await, ExitCode::Done);
        for answer in ["y\n", "YES\n", "\n", ""] {
            assert_eq!(code(answer, true).await, ExitCode::Refused, "{answer:?}");
        }
        assert_eq!(code("yes\n", false).await, ExitCode::Refused);
    }

    /// Input that never comes.
    struct Silence;

    impl std::io::Read for Silence {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            loop {
                std::thread::park();
            }
        }
    }

    #[tokio::test]
    async fn ctrl_c_ends_the_question() {
        let out = Box::new(crate::view::Captured::default());
        let input = Box::new(std::io::BufReader::new(Silence));
        let style = crate::view::Style::PLAIN;
        let screen = Arc::new(Screen::new(out.clone(), out, input, [style; 2]));
        let stop = Stop::default();
        stop.gently.cancel();
        let failure = ask(&screen, PlanMode::Destroy, true, &stop).await.expect_err("it is interrupted");
        assert_eq!(ExitCode::of_diagnostics(&failure.diagnostics), ExitCode::Interrupted);
    }
}
