use std::path::Path;
use std::time::{Duration, Instant};

use mprov_sdk::{Call, Fault};

use crate::admin::over_socket;
use crate::render::{SLOT, UNANSWERED};
use crate::slot::Slot;

const POLL: Duration = Duration::from_millis(250);
/// One question; a first page after a start can be slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of a slot before it becomes live.
pub struct Question<'a> {
    pub hostname: &'a str,
    pub slot: Slot,
    /// A path that has to answer with 2xx; without one any answer of the upstream will do.
    pub health_path: Option<&'a str>,
    pub limit: Duration,
}

/// Waits until the upstream of a slot answers, asked through the proxy itself: what counts is
/// that the proxy reaches it.
pub async fn wait_for_answer(call: &Call, socket: &Path, question: &Question<'_>) -> Result<(), Fault> {
    let client = over_socket(socket)?;
    let path = question.health_path.unwrap_or("/");
    let begin = Instant::now();
    loop {
        let asked = client
            .get(format!("http://{}{path}", question.hostname))
            .header(SLOT, question.slot.name())
            .timeout(PATIENCE)
            .send()
            .await;
        let why = match asked {
            Ok(answer) if answer.headers().contains_key(UNANSWERED) => "nobody answers there".to_owned(),
            Ok(answer) if question.health_path.is_none() || answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let text = answer.text().await.unwrap_or_default();
                format!("it answers {status}: {}", text.chars().take(300).collect::<String>().trim())
            }
            Err(error) => error.without_url().to_string(),
        };
        if begin.elapsed() > question.limit {
            return Err(Fault::new(format!("the new upstream of {} is not well", question.hostname)).detail(
                format!(
                    "Asked {path} for {} s: {why}. Users still get what they had. Look at the upstream's own \
                     log; raise health_timeout where it only needs longer.",
                    question.limit.as_secs()
                ),
            ));
        }
        call.events.progress(&format!("waiting for the upstream: {why}"));
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = call.cancel.cancelled() => {
                return Err(Fault::new("interrupted while waiting for the new upstream")
                    .detail("Users still get what they had."));
            }
        }
    }
}
