use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Holds requests back so that no more than so many a second are begun.
///
/// They are spread evenly: a burst at the start of each second would be twice the rate to a server
/// whose seconds begin elsewhere.
#[derive(Debug)]
pub struct Pace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// `per_second` is positive; without it, nothing is held back.
    pub fn new(per_second: Option<f64>) -> Self {
        Self { gap: per_second.map(|n| Duration::from_secs_f64(1.0 / n)), next: Mutex::new(None) }
    }

    /// Returns when a request may begin. Those who wait go in the order they came.
    pub async fn turn(&self) {
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + gap);
        drop(next);
        sleep_until(at).await;
    }
}
