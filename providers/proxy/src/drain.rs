use std::time::{Duration, Instant};

use mprov_sdk::{Call, Fault};

use crate::session::Proxy;
use crate::slot::Slot;

const POLL: Duration = Duration::from_millis(50);
/// How long there has to be no request. One that passed the freeze at the last moment is not
/// counted before it has found its upstream, for which it tries again every 250 ms.
const QUIET: Duration = Duration::from_millis(400);

/// Waits until the slot works on no request of a user any more, or until the time is over: then
/// it says so and goes on.
pub async fn wait_until_idle(
    call: &Call,
    proxy: &Proxy,
    hostname: &str,
    slot: Slot,
    limit: Duration,
) -> Result<(), Fault> {
    let begin = Instant::now();
    let mut idle_since: Option<Instant> = None;
    loop {
        let requests = proxy.in_flight(hostname, slot).await?;
        if requests == 0 {
            let since = *idle_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= QUIET || begin.elapsed() >= limit {
                return Ok(());
            }
        } else {
            idle_since = None;
            if begin.elapsed() >= limit {
                call.events.log(&format!(
                    "{hostname}: requests that are still in flight after {} ms: {requests}. Going on without \
                     waiting for them.",
                    limit.as_millis()
                ));
                return Ok(());
            }
            call.events.progress(&format!("waiting for requests in flight: {requests}"));
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = call.cancel.cancelled() => {
                return Err(Fault::new("interrupted while waiting for requests in flight")
                    .detail("Users get the freeze page. Apply again, or thaw the route."));
            }
        }
    }
}
