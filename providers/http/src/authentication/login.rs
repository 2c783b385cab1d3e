use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use mprov_sdk::{Call, Fault, Value};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::{Credential, Kept};
use crate::place::Place;
use crate::reply::Reply;
use crate::request::Request;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// A request that gives a token for the others, as OpenStack's Identity API does. The token is
/// kept until it ends or is refused.
#[derive(Debug)]
pub struct Login {
    pub method: Method,
    pub url: Url,
    pub body: Value,
    pub headers: BTreeMap<String, String>,
    /// Where in the reply the token is.
    pub token: Place,
    /// Where in the reply it says how long the token is good: seconds, or a time (RFC 3339).
    pub expires: Option<Place>,
    /// The header in which the others carry it, and what stands before it there.
    pub header: String,
    pub prefix: String,
    pub kept: Kept,
}

impl Login {
    pub async fn credential(&self, wire: &Wire, call: &Call) -> Result<Credential, Trouble> {
        let mut slot = self.kept.slot.lock().await;
        if let Some((credential, end)) = &*slot
            && end.is_none_or(|end| Instant::now() < end)
        {
            return Ok(credential.clone());
        }
        let mut request = Request::new(self.method.clone(), self.url.clone()).body(&self.body);
        for (name, value) in &self.headers {
            request = request.header(name, value)?;
        }
        request.repeatable = true;
        let reply = wire.send(call, &request, wire.retries).await.map_err(Trouble::before)?;
        let token = self.token_of(&request, &reply)?;
        self.kept.remember(&token);
        let value = format!("{}{token}", self.prefix);
        let credential = Credential { header: self.header.clone(), value };
        let lifetime = self.expires.as_ref().and_then(|place| lifetime(&place.text(&reply.view())?));
        *slot = Some((credential.clone(), lifetime.map(Kept::end)));
        Ok(credential)
    }

    fn token_of(&self, request: &Request, reply: &Reply) -> Result<String, Fault> {
        let refused = |why: String| {
            Fault::new(format!("the login failed: {} answered {}", request.what(), reply.status_text()))
                .detail(why)
        };
        if !reply.is_success() {
            return Err(refused(reply.tail()));
        }
        let token = self.token.text(&reply.view()).filter(|t| !t.is_empty());
        token.ok_or_else(|| refused(format!("The reply holds no token at {}.", self.token)))
    }
}

fn lifetime(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let end: Timestamp = text.parse().ok()?;
    Some(Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_seconds_or_a_time() {
        assert_eq!(lifetime("90"), Some(Duration::from_secs(90)));
        let in_an_hour = Timestamp::now() + Duration::from_secs(3600);
        let left = lifetime(&in_an_hour.to_string()).expect("a time");
        assert!(left > Duration::from_secs(3500) && left <= Duration::from_secs(3600), "{left:?}");
        assert_eq!(lifetime("2001-01-01T00:00:00.000000Z"), Some(Duration::ZERO));
        assert_eq!(lifetime("tomorrow"), None);
    }
}
