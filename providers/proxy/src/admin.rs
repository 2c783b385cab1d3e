use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use http_body_util::BodyExt;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use reqwest::{Client, StatusCode};
use serde_json::Value as Json;

use mprov_sdk::{Fault, Machine};
use tokio::sync::Mutex;

use crate::place::Endpoint;

/// The proxy's admin API.
pub struct Admin {
    way: Way,
    root: String,
}

enum Way {
    Direct(Client),
    /// By a socket of the machine, which is somewhere else on this one where the machine is remote.
    Socket {
        path: String,
        machine: Arc<dyn Machine>,
        client: Mutex<Option<(PathBuf, Client)>>,
    },
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
    pub fn new(endpoint: &Endpoint, machine: Arc<dyn Machine>) -> Result<Self, Fault> {
        Ok(match endpoint {
            Endpoint::Socket(path) => {
                let path = path.to_string_lossy().into_owned();
                let way = Way::Socket { path, machine, client: Mutex::default() };
                Self { way, root: "http://localhost".to_owned() }
            }
            Endpoint::Loopback(root) => Self { way: Way::Direct(build(builder())?), root: root.clone() },
        })
    }

    async fn client(&self) -> Result<Client, AdminError> {
        let (path, machine, kept) = match &self.way {
            Way::Direct(client) => return Ok(client.clone()),
            Way::Socket { path, machine, client } => (path, machine, client),
        };
        // Without its socket the proxy does not run.
        let here = machine.socket(path).await.map_err(|fault| AdminError::Down(fault.to_string()))?;
        let mut kept = kept.lock().await;
        if let Some((_, client)) = kept.as_ref().filter(|(known, _)| *known == here) {
            return Ok(client.clone());
        }
        let client = over_socket(&here).map_err(AdminError::Failed)?;
        *kept = Some((here, client.clone()));
        Ok(client)
    }

    /// Why there was no answer.
    fn unsent(&self, error: reqwest::Error) -> AdminError {
        // The way to another machine is always open on this side, so nobody at its end is noticed late.
        if let Way::Socket { machine, .. } = &self.way
            && !machine.is_local()
            && error.is_request()
            && !error.is_timeout()
        {
            return AdminError::Down(deepest(&error));
        }
        unsent(error)
    }

    pub async fn get(&self) -> Result<Current, AdminError> {
        let response = self.client().await?.get(format!("{}/config/", self.root)).send().await;
        let response = response.map_err(|e| self.unsent(e))?;
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
        let response = self.client().await?.get(url).send().await.map_err(|e| self.unsent(e))?;
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
            .client()
            .await?
            .post(format!("{}/config/", self.root))
            .header(CONTENT_TYPE, "application/json")
            .body(config.to_string());
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        let response = request.send().await.map_err(|e| self.unsent(e))?;
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
