use std::io::ErrorKind;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use http_body_util::BodyExt;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use reqwest::{Client, StatusCode};
use serde_json::Value as Json;

use mprov_sdk::Fault;

use crate::place::Endpoint;

/// The proxy's admin API.
pub struct Admin {
    client: Client,
    root: String,
}

/// A configuration and the mark by which a change of it in the meantime is noticed.
#[derive(Debug)]
pub struct Current {
    pub config: Json,
    pub etag: Option<String>,
}

#[derive(Debug)]
pub enum AdminError {
    /// Nobody listens: the proxy does not run (yet).
    Down(String),
    /// The configuration has been changed by somebody else since it was read.
    Changed,
    /// The proxy looked at the configuration and went on with the old one.
    Refused(String),
    Failed(Fault),
}

impl Admin {
    pub fn new(endpoint: &Endpoint) -> Result<Self, Fault> {
        let (client, root) = match endpoint {
            Endpoint::Socket(path) => (over_socket(path)?, "http://localhost".to_owned()),
            Endpoint::Loopback(root) => (build(builder())?, root.clone()),
        };
        Ok(Self { client, root })
    }

    pub async fn get(&self) -> Result<Current, AdminError> {
        let response = self.client.get(format!("{}/config/", self.root)).send().await.map_err(unsent)?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(AdminError::Failed(
                Fault::new("the proxy does not show its configuration")
                    .detail(format!("The admin API answered {status}. Is it the proxy's admin address?")),
            ));
        }
        let response: http::Response<reqwest::Body> = response.into();
        let whole = response.into_body().collect().await.map_err(unsent)?;
        // Caddy can tell the mark of a configuration only after having written it.
        let etag =
            whole.trailers().and_then(|t| t.get(ETAG)).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let config = serde_json::from_slice(&whole.to_bytes()).map_err(|e| {
            AdminError::Failed(
                Fault::new("the proxy's configuration cannot be read").detail(format!("It is no JSON: {e}.")),
            )
        })?;
        Ok(Current { config, etag })
    }

    /// How many requests the upstreams of that name are working on, as far as the proxy knows.
    pub async fn in_flight(&self, upstream: &str) -> Result<u64, AdminError> {
        let url = format!("{}/reverse_proxy/upstreams", self.root);
        let response = self.client.get(url).send().await.map_err(unsent)?;
        let status = response.status();
        let text = response.text().await.map_err(unsent)?;
        let told = serde_json::from_str::<Vec<Json>>(&text).ok().filter(|_| status.is_success());
        let Some(told) = told else {
            return Err(AdminError::Failed(Fault::new("the proxy does not tell its requests in flight").detail(
                format!("The admin API answered {status} to /reverse_proxy/upstreams. It takes Caddy 2.6 or later."),
            )));
        };
        let counts =
            told.iter().filter(|u| u["address"] == upstream).filter_map(|u| u["num_requests"].as_u64());
        Ok(counts.sum())
    }

    /// Puts a configuration in force, or changes nothing at all.
    pub async fn load(&self, config: &Json, etag: Option<&str>) -> Result<(), AdminError> {
        let mut request = self
            .client
            .post(format!("{}/config/", self.root))
            .header(CONTENT_TYPE, "application/json")
            .body(config.to_string());
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        let response = request.send().await.map_err(unsent)?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::PRECONDITION_FAILED => Err(AdminError::Changed),
            _ => {
                let text = response.text().await.map_err(unsent)?;
                let message = serde_json::from_str::<Json>(&text).ok();
                let message = message.as_ref().and_then(|m| m["error"].as_str()).unwrap_or(&text);
                Err(AdminError::Refused(message.chars().take(600).collect()))
            }
        }
    }
}

/// A client that speaks HTTP over a Unix socket.
pub fn over_socket(path: &Path) -> Result<Client, Fault> {
    build(builder().unix_socket(path))
}

fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // That another part of the program has installed one already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60))
        // The admin API closes its connections on every load.
        .pool_max_idle_per_host(0)
}

fn build(builder: reqwest::ClientBuilder) -> Result<Client, Fault> {
    builder.build().map_err(|e| Fault::new("no HTTP client can be made").detail(e.to_string()))
}

fn unsent(error: reqwest::Error) -> AdminError {
    match cause(&error) {
        Some(ErrorKind::PermissionDenied) => AdminError::Failed(
            Fault::new("the proxy's admin socket may not be opened")
                .detail("Only root and the proxy itself may. Run mprov as root."),
        ),
        _ if error.is_connect() => AdminError::Down(deepest(&error)),
        _ => AdminError::Failed(Fault::new("the proxy's admin API broke off").detail(deepest(&error))),
    }
}

fn cause(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
    let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    io.or_else(|| error.source().and_then(cause))
}

fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => deepest(source),
        None => error.to_string(),
    }
}
