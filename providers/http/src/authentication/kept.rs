use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Credential;

/// A token is not used in its last moments: it could end on the way.
const MARGIN: Duration = Duration::from_secs(30);

/// A credential that was fetched, as long as it is good.
#[derive(Debug, Default)]
pub struct Kept {
    /// Locked while one is fetched: all wait for that one.
    pub slot: Mutex<Option<(Credential, Option<Instant>)>>,
    /// Every token there was: none may be shown.
    pub seen: std::sync::Mutex<Vec<String>>,
}

impl Kept {
    /// When a token of that lifetime is not used any more. A short one is used for nine tenths.
    pub fn end(lifetime: Duration) -> Instant {
        Instant::now() + lifetime.saturating_sub(MARGIN).max(lifetime.mul_f64(0.9).min(MARGIN))
    }

    /// Drops it, unless it was renewed meanwhile.
    pub async fn forget(&self, used: &Credential) {
        let mut slot = self.slot.lock().await;
        if slot.as_ref().is_some_and(|(kept, _)| kept == used) {
            *slot = None;
        }
    }

    pub fn remember(&self, token: &str) {
        self.seen.lock().expect("nobody panics with it").push(token.to_owned());
    }

    pub fn secrets(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panics with it").clone()
    }
}
