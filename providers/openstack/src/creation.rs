use std::time::Duration;

use mprov_sdk::{Call, Fault};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::waiting;

/// A service carries a request to its end when the connection has died. What has not shown within
/// this time after was never asked for.
const LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(500);

/// Looks until something shows, or nothing can show any more. `look` finds what the step's token
/// marks.
pub async fn lingering<T, L, F>(call: &Call, limit: Duration, look: L) -> Result<Option<T>, ApiError>
where
    L: Fn() -> F,
    F: Future<Output = Result<Option<T>, ApiError>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        waiting::sleep(call, POLL).await?;
    }
}

/// What an earlier process asked for and did not live to see.
pub async fn found_again<T, L, F>(call: &Call, look: L) -> Result<Option<T>, ApiError>
where
    L: Fn() -> F,
    F: Future<Output = Result<Option<T>, ApiError>>,
{
    lingering(call, Duration::from_secs(5), look).await
}

/// The answer of a request that makes something. Where the answer was lost the thing is looked
/// for by its mark: it is never asked for a second time.
pub async fn once<T, L, F>(call: &Call, what: &str, asked: Result<T, ApiError>, look: L) -> Result<T, Fault>
where
    L: Fn() -> F,
    F: Future<Output = Result<Option<T>, ApiError>>,
{
    let could_not = || format!("{what} could not be created");
    let why = match asked {
        Err(ApiError::Lost(why)) => why,
        other => return other.map_err(|e| e.fault(could_not())),
    };
    call.events
        .log(&format!("The answer to the creation of {what} was lost ({why}); looking for what it made."));
    match lingering(call, LIMIT, look).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Fault::new(could_not()).detail(format!(
            "The connection was lost before the answer came ({why}), and nothing shows that it was made. Run \
             the command again."
        ))),
        Err(error) => Err(error.fault(could_not()).detail(format!(
            "The connection was lost before the answer came ({why}), and the cloud cannot be asked whether it \
             was made. If it was, it bears the mark {}: remove it, or take it over with an `import` block.",
            call.token
        ))),
    }
}
