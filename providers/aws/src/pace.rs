use std::time::Duration;

use rand::Rng;

/// How patient the provider is with EC2.
///
/// EC2 is eventually consistent: what was made may not be shown for some seconds
/// (Amazon EC2 API Reference, "Eventual consistency").
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between the first two looks at something that is coming; it grows from there.
    pub poll: Duration,
    /// The longest time between two looks.
    pub longest_poll: Duration,
    /// Before a refused call is tried again the first time, on average; it doubles from there.
    pub retry: Duration,
    /// The longest time before a call is tried again.
    pub longest_retry: Duration,
    /// How often one call is made before its refusal is told as a fault.
    pub tries: u32,
    /// How long something may stay out of sight that is there.
    pub out_of_sight: Duration,
    /// How long something may take to come up, to change or to go.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            longest_poll: Duration::from_secs(10),
            retry: Duration::from_millis(400),
            longest_retry: Duration::from_secs(20),
            tries: 9,
            out_of_sight: Duration::from_secs(8),
            patience: Duration::from_secs(1800),
        }
    }
}

impl Pace {
    /// The pause before that try (the first is 1): exponential with full jitter, so that clients
    /// that were throttled together do not come back together.
    pub fn before_retry(&self, attempt: u32) -> Duration {
        let ceiling = self.retry.saturating_mul(2u32.saturating_pow(attempt)).min(self.longest_retry);
        ceiling.mul_f64(rand::rng().random_range(0.1..=1.0))
    }

    /// The pause after the one given.
    pub fn next_poll(&self, last: Duration) -> Duration {
        last.mul_f64(1.5).min(self.longest_poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_and_longer_up_to_a_limit() {
        let pace = Pace::default();
        for _ in 0..100 {
            assert!(pace.before_retry(1) <= pace.retry * 2);
            assert!(pace.before_retry(40) <= pace.longest_retry);
            assert!(pace.before_retry(40) >= pace.longest_retry / 10);
        }
    }

    #[test]
    fn looks_become_rarer_up_to_a_limit() {
        let pace = Pace::default();
        assert!(pace.next_poll(pace.poll) > pace.poll);
        assert_eq!(pace.next_poll(pace.longest_poll), pace.longest_poll);
    }
}
