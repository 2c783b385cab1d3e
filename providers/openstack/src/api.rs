use std::collections::HashMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use mprov_sdk::{Call, Fault};
use rand::Rng;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::account::Account;
use crate::error::{ApiError, is_quota, root_cause};
use crate::identity::Grant;
use crate::json;
use crate::microversion::Microversion;
use crate::service::Service;
use crate::waiting;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Services answer at once and work afterwards; this is for one that is overloaded.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Tries of one request, the first included, where trying again cannot do harm.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A service that asks for a longer pause is told to the user instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The services of one cloud, as one account sees them.
pub struct Api {
    http: reqwest::Client,
    account: Account,
    grant: Mutex<Option<Arc<Grant>>>,
    /// The newest version of each service, once asked for.
    newest: Mutex<HashMap<Service, Option<Microversion>>>,
}

struct Request<'a> {
    method: Method,
    service: Service,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a Json>,
    version: Option<Microversion>,
}

impl Request<'_> {
    /// Carried out twice it does the same as once.
    fn is_idempotent(&self) -> bool {
        matches!(self.method, Method::GET | Method::PUT | Method::DELETE)
    }
}

impl Api {
    pub fn new(account: Account) -> Result<Self, Fault> {
        let http = client(&account)?;
        Ok(Self { http, account, grant: Mutex::default(), newest: Mutex::default() })
    }

    /// Gets the first token, so that wrong credentials are told before anything is planned.
    pub async fn sign_in(&self) -> Result<(), Fault> {
        let granted = Grant::obtain(&self.http, &self.account).await;
        let granted =
            granted.map_err(|e| e.fault(format!("no token can be had from {}", self.account.auth_url)))?;
        *self.grant.lock().await = Some(Arc::new(granted));
        Ok(())
    }

    pub async fn get(&self, call: &Call, service: Service, path: &str) -> Result<Json, ApiError> {
        self.ask(call, Method::GET, service, path, None).await
    }

    pub async fn post(
        &self,
        call: &Call,
        service: Service,
        path: &str,
        body: &Json,
    ) -> Result<Json, ApiError> {
        self.ask(call, Method::POST, service, path, Some(body)).await
    }

    /// A GET in that version, or the newest that the service has before it.
    pub async fn get_in(
        &self,
        call: &Call,
        service: Service,
        version: Microversion,
        path: &str,
    ) -> Result<Json, ApiError> {
        let version = self.newest(call, service).await?.map(|newest| newest.min(version));
        self.send(call, &Request { method: Method::GET, service, path, query: &[], body: None, version })
            .await
    }

    /// A POST in a version newer than the usual one.
    pub async fn post_in(
        &self,
        call: &Call,
        service: Service,
        version: Microversion,
        path: &str,
        body: &Json,
    ) -> Result<Json, ApiError> {
        let newest = self.newest(call, service).await?;
        if newest.is_none_or(|newest| newest < version) {
            let newest = newest.map_or("none".to_owned(), |v| v.to_string());
            return Err(ApiError::Fault(
                Fault::new(format!("this cloud's {} service is too old for it", service.name())).detail(
                    format!("It takes version {version} of the API; the cloud's newest one is {newest}."),
                ),
            ));
        }
        let request = Request {
            method: Method::POST,
            service,
            path,
            query: &[],
            body: Some(body),
            version: Some(version),
        };
        self.send(call, &request).await
    }

    pub async fn put(
        &self,
        call: &Call,
        service: Service,
        path: &str,
        body: &Json,
    ) -> Result<Json, ApiError> {
        self.ask(call, Method::PUT, service, path, Some(body)).await
    }

    pub async fn delete(&self, call: &Call, service: Service, path: &str) -> Result<Json, ApiError> {
        self.ask(call, Method::DELETE, service, path, None).await
    }

    /// All entries of a list, page by page. `key` names the list in the answer.
    pub async fn list(
        &self,
        call: &Call,
        service: Service,
        path: &str,
        key: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Json>, ApiError> {
        let version = self.usual_version(call, service).await?;
        let mut found = Vec::new();
        let mut query: Vec<(String, String)> =
            query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        loop {
            let pairs: Vec<_> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let request = Request { method: Method::GET, service, path, query: &pairs, body: None, version };
            let mut page = self.send(call, &request).await?;
            let next = next_page(&page, key);
            if let Json::Array(entries) = page[key].take() {
                found.extend(entries);
            }
            match next {
                Some(next) if next != query => query = next,
                _ => return Ok(found),
            }
        }
    }

    async fn ask(
        &self,
        call: &Call,
        method: Method,
        service: Service,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Json, ApiError> {
        let version = self.usual_version(call, service).await?;
        self.send(call, &Request { method, service, path, query: &[], body, version }).await
    }

    async fn usual_version(&self, call: &Call, service: Service) -> Result<Option<Microversion>, ApiError> {
        let Some(wanted) = service.wanted() else { return Ok(None) };
        Ok(self.newest(call, service).await?.map(|newest| newest.min(wanted)))
    }

    /// What the service announces at its root; none where it knows no such versions.
    async fn newest(&self, call: &Call, service: Service) -> Result<Option<Microversion>, ApiError> {
        let mut known = self.newest.lock().await;
        if let Some(newest) = known.get(&service) {
            return Ok(*newest);
        }
        let request =
            Request { method: Method::GET, service, path: ROOT, query: &[], body: None, version: None };
        let document = self.send(call, &request).await?;
        let versions = match &document["version"] {
            Json::Null => json::items(&document["versions"]),
            one => std::slice::from_ref(one),
        };
        let newest = versions.iter().filter_map(|v| json::str(v, "version").parse().ok()).max();
        known.insert(service, newest);
        Ok(newest)
    }

    /// Sends it until it is answered, as often as that can do no harm.
    async fn send(&self, call: &Call, request: &Request<'_>) -> Result<Json, ApiError> {
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let (grant, is_new) = self.granted(call, None).await?;
            let error = match self.send_once(request, &grant).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.has_status(401) && !renewed && !is_new {
                renewed = true;
                self.granted(call, Some(&grant)).await?;
                continue;
            }
            let Some(pause) = pause_before_next(&error, request, tries) else { return Err(error) };
            call.events.progress(&format!(
                "the {} service is not ready ({}), trying again in {:.1} s",
                request.service.name(),
                error.reason(),
                pause.as_secs_f64()
            ));
            waiting::sleep(call, pause).await?;
        }
    }

    /// The token that counts now, and whether it has just been made. A refused one is given up.
    async fn granted(
        &self,
        call: &Call,
        refused: Option<&Arc<Grant>>,
    ) -> Result<(Arc<Grant>, bool), ApiError> {
        let mut kept = self.grant.lock().await;
        if let Some(grant) = &*kept
            && !grant.is_over()
            && !refused.is_some_and(|refused| Arc::ptr_eq(refused, grant))
        {
            return Ok((grant.clone(), false));
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match Grant::obtain(&self.http, &self.account).await {
                Ok(grant) => {
                    let grant = Arc::new(grant);
                    *kept = Some(grant.clone());
                    return Ok((grant, true));
                }
                Err(error) => error,
            };
            let Some(pause) = pause_of(&error, tries) else { return Err(error) };
            call.events.progress(&format!("Keystone is not ready ({}), trying again", error.reason()));
            waiting::sleep(call, pause).await?;
        }
    }

    async fn send_once(&self, request: &Request<'_>, grant: &Grant) -> Result<Json, ApiError> {
        let base = self.base(request.service, grant)?;
        let url = match request.path {
            ROOT => root_of(&base),
            path => format!("{base}{path}"),
        };
        let mut url = reqwest::Url::parse(&url).map_err(|e| {
            Fault::new(format!("the address of the {} service makes no sense", request.service.name()))
                .detail(format!("It is {base}: {e}."))
        })?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        let mut asked = self
            .http
            .request(request.method.clone(), url)
            .header("X-Auth-Token", grant.token.expose_secret())
            .header("Accept", "application/json");
        if let Some(version) = request.version {
            asked = asked.header("OpenStack-API-Version", format!("{} {version}", request.service.name()));
        }
        if let Some(body) = request.body {
            asked = asked.json(body);
        }
        let answer = asked.send().await.map_err(unanswered)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        // The status alone tells that it was carried out; what was made is in the body.
        let text = answer.text().await.map_err(|e| ApiError::Lost(root_cause(&e)))?;
        // Nova's list of versions comes with 300.
        if status.is_success() || status == StatusCode::MULTIPLE_CHOICES {
            return Ok(serde_json::from_str(&text).unwrap_or_default());
        }
        let error = ApiError::refused(status, &headers, &text);
        if !request.is_idempotent() && may_be_carried_out(&error) {
            return Err(ApiError::Lost(format!("a gateway answers {status}")));
        }
        Err(error)
    }

    /// Where a service's paths begin.
    fn base(&self, service: Service, grant: &Grant) -> Result<String, Fault> {
        let given = self.account.endpoints.get(service.name()).map(String::as_str);
        let found = given.or_else(|| grant.endpoint(service.types(), &self.account)).ok_or_else(|| {
            let regions = grant.regions();
            Fault::new(format!("the cloud's catalogue has no {} service", service.name())).detail(format!(
                "Looked for a {} endpoint{}; the catalogue knows the regions {}. Set \"region\" or \"interface\" \
                 in the provider block, or the service's address in \"endpoints\".",
                self.account.interface,
                self.account.region.as_ref().map(|r| format!(" in region {r}")).unwrap_or_default(),
                if regions.is_empty() { "(none)".into() } else { regions.join(", ") },
            ))
        })?;
        let base = found.trim_end_matches('/').to_owned();
        Ok(match service {
            Service::Network if !base.ends_with("/v2.0") => format!("{base}/v2.0"),
            Service::Image if !base.ends_with("/v2") => format!("{base}/v2"),
            Service::Volume if base.ends_with("/v3") => format!("{base}/{}", grant.project_id),
            _ => base,
        })
    }
}

/// The path of a service's description of itself.
const ROOT: &str = "/";

/// Cinder's addresses have the project behind the version.
fn root_of(base: &str) -> String {
    match base.rfind("/v3/") {
        Some(at) => format!("{}/", &base[..at + 3]),
        None => format!("{base}/"),
    }
}

fn client(account: &Account) -> Result<reqwest::Client, Fault> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // That another part of the program has installed one already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        // On a connection that the other side is about to close a create would be lost, or not.
        .pool_max_idle_per_host(0)
        .tls_danger_accept_invalid_certs(!account.verify);
    if let Some(path) = &account.ca_file {
        let unusable = |why: String| {
            Fault::new(format!("{} holds no certificates to trust", path.display())).detail(format!("{why}."))
        };
        let pem = std::fs::read(path).map_err(|e| unusable(e.to_string()))?;
        let bundle = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| unusable(root_cause(&e)))?;
        builder = builder.tls_certs_merge(bundle);
    }
    builder.build().map_err(|e| Fault::new("no HTTP client can be made").detail(root_cause(&e)))
}

fn unanswered(error: reqwest::Error) -> ApiError {
    match error.is_connect() || error.is_builder() {
        true => ApiError::Unreachable(root_cause(&error)),
        false => ApiError::Lost(root_cause(&error)),
    }
}

/// The query of the next page, where there is one: Nova and Cinder link it as `servers_links`,
/// Glance as `next`. The address in the link may be one that only the cloud itself can use.
fn next_page(page: &Json, key: &str) -> Option<Vec<(String, String)>> {
    let links = json::items(&page[format!("{key}_links")]);
    let link = links.iter().find(|l| l["rel"] == "next").and_then(|l| l["href"].as_str());
    let (_, query) = link.or_else(|| page["next"].as_str())?.split_once('?')?;
    let url = reqwest::Url::parse(&format!("http://page/?{query}")).ok()?;
    Some(url.query_pairs().into_owned().collect())
}

/// What a gateway answers when the service behind it has not. A service that says when to come
/// again has not begun.
fn may_be_carried_out(error: &ApiError) -> bool {
    match error {
        ApiError::Refused { status, retry_after, .. } => match status.as_u16() {
            502 | 504 => true,
            503 => retry_after.is_none(),
            _ => false,
        },
        _ => false,
    }
}

fn pause_before_next(error: &ApiError, request: &Request<'_>, tries: u32) -> Option<Duration> {
    match error {
        ApiError::Lost(_) if !request.is_idempotent() => None,
        ApiError::Refused { status, .. } if matches!(status.as_u16(), 502 | 504) => backoff(tries),
        error => pause_of(error, tries),
    }
}

/// How long to wait before the next try; none where another try is of no use.
fn pause_of(error: &ApiError, tries: u32) -> Option<Duration> {
    match error {
        ApiError::Unreachable(_) | ApiError::Lost(_) => backoff(tries),
        // Cinder tells an exhausted quota as 413, and to come again at once.
        ApiError::Refused { reason, .. } if is_quota(reason) => None,
        ApiError::Refused { status, retry_after, .. } if matches!(status.as_u16(), 413 | 429 | 503) => {
            let own = backoff(tries)?;
            match retry_after {
                Some(asked) if *asked > LONGEST_PAUSE => None,
                Some(asked) => Some(own.max(jittered(*asked))),
                None => Some(own),
            }
        }
        _ => None,
    }
}

fn backoff(tries: u32) -> Option<Duration> {
    (tries < TRIES).then(|| jittered(FIRST_PAUSE * 2_u32.pow(tries - 1)))
}

/// Somewhat longer, by chance: many that were turned away at once shall not come back at once.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(rand::rng().random_range(1.0..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn answer(status: u16, retry_after: Option<&'static str>, body: &str) -> ApiError {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = retry_after {
            headers.insert("retry-after", seconds.parse().expect("a header"));
        }
        ApiError::refused(StatusCode::from_u16(status).expect("a status"), &headers, body)
    }

    #[test]
    fn a_service_that_says_when_is_asked_again_then_and_not_for_ever() {
        let busy = answer(429, Some("3"), "");
        let pause = pause_of(&busy, 1).expect("another try");
        assert!(pause >= Duration::from_secs(3) && pause < Duration::from_secs(5), "{pause:?}");
        assert!(pause_of(&busy, TRIES).is_none(), "the tries are bounded");
        assert!(pause_of(&answer(503, Some("3600"), ""), 1).is_none(), "nobody waits for an hour");
    }

    #[test]
    fn a_quota_is_not_waited_for_though_it_says_come_again() {
        let body = r#"{"overLimit": {"code": 413, "message": "VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes'.", "retryAfter": "0"}}"#;
        assert!(pause_of(&answer(413, Some("0"), body), 1).is_none());
    }

    #[test]
    fn a_create_is_not_sent_again_where_it_may_have_been_carried_out() {
        let request = |method| Request {
            method,
            service: Service::Compute,
            path: "/servers",
            query: &[],
            body: None,
            version: None,
        };
        let lost = ApiError::Lost("reset".into());
        assert!(pause_before_next(&lost, &request(Method::POST), 1).is_none());
        assert!(pause_before_next(&lost, &request(Method::GET), 1).is_some());
        assert!(may_be_carried_out(&answer(503, None, "")) && may_be_carried_out(&answer(504, None, "")));
        assert!(!may_be_carried_out(&answer(503, Some("1"), "")), "the service itself says when");
    }

    #[test]
    fn pages_follow_each_other_by_their_query() {
        let page = serde_json::json!({"servers": [], "servers_links": [
            {"rel": "next", "href": "http://inside:8774/v2.1/servers/detail?limit=2&marker=a%20b"}]});
        let expected = vec![("limit".to_owned(), "2".to_owned()), ("marker".to_owned(), "a b".to_owned())];
        assert_eq!(next_page(&page, "servers"), Some(expected));
        assert_eq!(root_of("http://c:8776/v3/123"), "http://c:8776/v3/");
    }
}
