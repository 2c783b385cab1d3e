use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use mprov_sdk::Call;
use rand::Rng as _;

use crate::reply::Reply;

/// The first pause before a request is repeated, where the server does not say how long.
const FIRST: Duration = Duration::from_millis(500);

/// How long a server asks to be left alone: `Retry-After` in seconds or as a date (RFC 9110,
/// section 10.2.3). A date counts from the server's own clock where it tells it.
pub fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.headers.get("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let now = reply.headers.get("date").and_then(|d| date(d)).unwrap_or_else(Timestamp::now);
    let wait = date(text)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// The pause before try number `n` (from 1 on): twice as long each time up to the longest, and some
/// chance in it, so that many clients that were refused at once do not come back at once.
pub fn growing(n: u32, longest: Duration) -> Duration {
    let whole = FIRST.saturating_mul(1 << (n - 1).min(16)).min(longest);
    whole.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// What the server asked for, and a little more; never less.
pub fn asked(wait: Duration) -> Duration {
    let more = wait.mul_f64(0.1).min(Duration::from_secs(5)).max(Duration::from_millis(50));
    wait + more.mul_f64(rand::rng().random_range(0.0..=1.0))
}

/// False if the call was cancelled meanwhile.
pub async fn sleep(call: &Call, time: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = call.cancel.cancelled() => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Reply { status: 503, headers, body: Vec::new() }
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let after = |text| retry_after(&reply(&[("retry-after", text), date]));
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
        assert_eq!(retry_after(&reply(&[])), None);
    }

    #[test]
    fn pauses_grow_and_end() {
        let longest = Duration::from_secs(8);
        for n in 1..40 {
            let pause = growing(n, longest);
            let most = FIRST.saturating_mul(1 << (n - 1).min(16)).min(longest);
            assert!(pause <= most && pause >= most / 2, "{n}: {pause:?}");
        }
        let wait = Duration::from_secs(10);
        assert!(asked(wait) >= wait && asked(wait) <= wait + Duration::from_secs(1));
    }
}
