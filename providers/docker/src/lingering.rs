use std::time::Duration;

use tokio::time::Instant;

/// The engine carries a request to its end when its client has died, and until then nothing shows
/// that it is under way. What has not shown within this time after the client's death was never
/// asked for.
const LIMIT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);

/// Looking again for what a dead client's request may still bring about.
pub struct Lingering {
    deadline: Instant,
}

impl Lingering {
    pub fn begin() -> Self {
        Self { deadline: Instant::now() + LIMIT }
    }

    /// Whether to look once more; a moment later.
    pub async fn goes_on(&self) -> bool {
        tokio::time::sleep(POLL).await;
        Instant::now() < self.deadline
    }
}
