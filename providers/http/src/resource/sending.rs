use std::time::Duration;

use mprov_sdk::Call;
use tokio::time::Instant;

use super::description::Description;
use crate::pause::{growing, sleep};
use crate::reply::Reply;
use crate::request::Request;
use crate::session::Connection;
use crate::trouble::Trouble;

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Sends it, and again as long as the API answers that it is too early for it.
pub async fn send(
    connection: &Connection,
    call: &Call,
    description: &Description,
    request: &Request,
) -> Result<Reply, Trouble> {
    let deadline = Instant::now() + description.retry_for;
    let mut tries = 0;
    loop {
        let reply = connection.send(call, request.clone()).await?;
        let too_early = description.retry_on.contains(&reply.status);
        if !too_early || Instant::now() >= deadline {
            return Ok(reply);
        }
        tries += 1;
        let pause = growing(tries, LONGEST_PAUSE);
        call.events.progress(&format!("{}: {}; not yet", request.what(), reply.status_text()));
        if !sleep(call, pause).await {
            return Ok(reply);
        }
    }
}
