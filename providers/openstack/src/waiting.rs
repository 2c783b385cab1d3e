use std::time::Duration;

use mprov_sdk::{Call, Fault};
use tokio::time::Instant;

use crate::error::ApiError;

const FIRST: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(5);
/// How long a service may work on one thing before mprov stops waiting for it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What a look at the thing that is waited for has shown.
pub enum Look<T> {
    Done(T),
    /// Not yet; its state, for those who wait too.
    Going(String),
}

/// Looking again and again, at growing intervals.
pub struct Waiting<'a> {
    call: &'a Call,
    what: String,
    begin: Instant,
    interval: Duration,
}

impl<'a> Waiting<'a> {
    pub fn for_(call: &'a Call, what: impl Into<String>) -> Self {
        Self { call, what: what.into(), begin: Instant::now(), interval: FIRST }
    }

    /// Tells the state and pauses; an error when there has been enough waiting.
    pub async fn pause(&mut self, state: &str) -> Result<(), ApiError> {
        let waited = self.begin.elapsed();
        if waited > PATIENCE {
            return Err(ApiError::Fault(
                Fault::new(format!("{} takes too long", self.what)).detail(format!(
                    "After {} minutes its state is {state}. Look at it in the cloud, then run the command again.",
                    waited.as_secs() / 60
                )),
            ));
        }
        self.call.events.progress(&format!("waiting for {}: {}", self.what, state.to_lowercase()));
        sleep(self.call, self.interval).await?;
        self.interval = (self.interval * 3 / 2).min(LONGEST);
        Ok(())
    }
}

/// Looks until it is done.
pub async fn until<T, L, F>(call: &Call, what: impl Into<String>, look: L) -> Result<T, ApiError>
where
    L: Fn() -> F,
    F: Future<Output = Result<Look<T>, ApiError>>,
{
    let mut waiting = Waiting::for_(call, what);
    loop {
        match look().await? {
            Look::Done(value) => return Ok(value),
            Look::Going(state) => waiting.pause(&state).await?,
        }
    }
}

/// A pause that ends at once when the user does not want to wait any longer.
pub async fn sleep(call: &Call, time: Duration) -> Result<(), ApiError> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = call.cancel.cancelled() => Err(ApiError::Interrupted),
    }
}
