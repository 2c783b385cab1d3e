use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Call, Fault};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::way::basic;
use super::{Credential, Kept};
use crate::place::plain;
use crate::reply::Reply;
use crate::request::Request;
use crate::trouble::Trouble;
use crate::url::{form, form_encoded};
use crate::wire::Wire;

/// OAuth 2 client credentials (RFC 6749, section 4.4). The token is kept until it ends.
#[derive(Debug)]
pub struct OAuth2 {
    pub token_url: Url,
    pub client_id: String,
    pub client_secret: String,
    pub scopes: Vec<String>,
    /// More of the form, as some servers want an `audience`.
    pub parameters: BTreeMap<String, String>,
    /// The client's id and secret go into the form instead of a Basic header (section 2.3.1).
    pub in_body: bool,
    pub kept: Kept,
}

impl OAuth2 {
    pub async fn credential(&self, wire: &Wire, call: &Call) -> Result<Credential, Trouble> {
        let mut slot = self.kept.slot.lock().await;
        if let Some((credential, end)) = &*slot
            && end.is_none_or(|end| Instant::now() < end)
        {
            return Ok(credential.clone());
        }
        let request = self.request()?;
        // To fetch a token twice is as good as once. Its loss is none of the request it is for.
        let reply = wire.send(call, &request, wire.retries).await.map_err(Trouble::before)?;
        let (token, lifetime) = self.token(&request, &reply)?;
        self.kept.remember(&token);
        let credential = Credential { header: "authorization".into(), value: format!("Bearer {token}") };
        *slot = Some((credential.clone(), lifetime.map(Kept::end)));
        Ok(credential)
    }

    fn request(&self) -> Result<Request, Fault> {
        let scope = self.scopes.join(" ");
        let mut pairs = vec![("grant_type", "client_credentials")];
        if !scope.is_empty() {
            pairs.push(("scope", &scope));
        }
        pairs.extend(self.parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let mut request = Request::new(Method::POST, self.token_url.clone())
            .header("content-type", "application/x-www-form-urlencoded")?
            .header("accept", "application/json")?;
        if self.in_body {
            pairs.push(("client_id", &self.client_id));
            pairs.push(("client_secret", &self.client_secret));
        } else {
            let credential = basic(&form_encoded(&self.client_id), &form_encoded(&self.client_secret));
            request = request.header(&credential.header, &credential.value)?;
        }
        request.body = Some(form(pairs));
        request.repeatable = true;
        Ok(request)
    }

    /// The token and how long it is good (section 5.1).
    fn token(&self, request: &Request, reply: &Reply) -> Result<(String, Option<Duration>), Fault> {
        let view = reply.view();
        let text = |name: &str| view.body.as_object().and_then(|o| plain(o.get(name)));
        let refused = |why: String| {
            Fault::new(format!("no token was given: {} answered {}", request.what(), reply.status_text()))
                .detail(why)
        };
        if !reply.is_success() {
            let why = match (text("error"), text("error_description")) {
                (Some(error), Some(description)) => format!("{error}: {description}"),
                (Some(error), None) => error,
                _ => reply.tail(),
            };
            return Err(refused(format!("{why}\nSee whether client_id and client_secret are right.")));
        }
        let kind = text("token_type").unwrap_or_else(|| "bearer".into());
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(refused(format!(
                "Its token is of the type \"{kind}\"; only bearer tokens are known."
            )));
        }
        let token = text("access_token").filter(|t| !t.is_empty());
        let token = token.ok_or_else(|| refused("The reply holds no \"access_token\".".into()))?;
        let lifetime = text("expires_in").and_then(|s| s.parse::<f64>().ok());
        Ok((token, lifetime.and_then(|s| Duration::try_from_secs_f64(s).ok())))
    }
}
