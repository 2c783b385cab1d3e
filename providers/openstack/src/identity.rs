use std::time::Duration;

use jiff::Timestamp;
use mprov_sdk::Fault;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::account::{Account, ApplicationCredential, Credentials, Domain, Named};
use crate::error::{ApiError, reason, root_cause};

/// A token is given up this long before its end, so that none ends on the way to a service.
const MARGIN: Duration = Duration::from_secs(60);

/// What Keystone has granted: a token of one project, and where that project's services are
/// (Identity API v3, "Password authentication with scoped authorization").
pub struct Grant {
    pub token: SecretString,
    pub project_id: String,
    catalogue: Json,
    until: Option<Instant>,
}

impl Grant {
    /// Asks for a new token.
    pub async fn obtain(http: &reqwest::Client, account: &Account) -> Result<Self, ApiError> {
        let url = format!("{}/auth/tokens", account.auth_url);
        let answer = http.post(&url).json(&request(&account.credentials)).send().await;
        // Nothing in the world changes by it: a lost answer is as good as none.
        let answer = answer.map_err(|e| ApiError::Unreachable(root_cause(&e)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(|e| ApiError::Unreachable(root_cause(&e)))?;
        if !status.is_success() {
            return Err(refused(account, status, &headers, &text));
        }
        let token = headers.get("x-subject-token").and_then(|v| v.to_str().ok());
        let document = serde_json::from_str::<Json>(&text).ok();
        let (Some(token), Some(document)) = (token, document) else {
            return Err(ApiError::Fault(
                Fault::new(format!("{} does not answer as Keystone does", account.auth_url))
                    .detail("Set \"auth_url\" to the address of the Identity API, version 3."),
            ));
        };
        let granted = &document["token"];
        Ok(Self {
            token: token.to_owned().into(),
            project_id: granted["project"]["id"].as_str().unwrap_or_default().to_owned(),
            catalogue: granted["catalog"].clone(),
            until: lifetime(granted).map(|life| Instant::now() + life.saturating_sub(MARGIN)),
        })
    }

    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// The address of the first of these service types that the catalogue has.
    pub fn endpoint(&self, types: &[&str], account: &Account) -> Option<&str> {
        let services = self.catalogue.as_array()?;
        let fits = |endpoint: &&Json| {
            let region = endpoint["region_id"].as_str().or_else(|| endpoint["region"].as_str());
            endpoint["interface"] == account.interface.as_str()
                && account.region.as_deref().is_none_or(|wanted| region == Some(wanted))
        };
        let of_type = |ty: &str| {
            services
                .iter()
                .filter(|s| s["type"] == ty)
                .find_map(|s| s["endpoints"].as_array()?.iter().find(fits)?["url"].as_str())
        };
        types.iter().find_map(|ty| of_type(ty))
    }

    /// The regions that the catalogue knows, for messages.
    pub fn regions(&self) -> Vec<&str> {
        let endpoints = self.catalogue.as_array().into_iter().flatten();
        let endpoints = endpoints.flat_map(|s| s["endpoints"].as_array().into_iter().flatten());
        let mut regions: Vec<_> = endpoints.filter_map(|e| e["region_id"].as_str()).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }
}

/// How long the token counts, by Keystone's own clock: this machine's may be wrong.
fn lifetime(granted: &Json) -> Option<Duration> {
    let time = |name: &str| granted[name].as_str()?.parse::<Timestamp>().ok();
    Duration::try_from(time("expires_at")?.duration_since(time("issued_at")?)).ok()
}

fn refused(
    account: &Account,
    status: StatusCode,
    headers: &reqwest::header::HeaderMap,
    text: &str,
) -> ApiError {
    let why = reason(text);
    if status == StatusCode::UNAUTHORIZED {
        let who = match &account.credentials {
            Credentials::Password { .. } => "the user, the password, the project and their domains",
            Credentials::ApplicationCredential { .. } => {
                "the application credential: whether it has expired, and whether its secret is right"
            }
        };
        return ApiError::Fault(
            Fault::new("Keystone refuses the credentials")
                .detail(format!("{} says: {why}. Check {who}.", account.auth_url)),
        );
    }
    if matches!(status.as_u16(), 300 | 404 | 405) {
        return ApiError::Fault(
            Fault::new(format!("there is no Identity API, version 3, at {}", account.auth_url)).detail(
                "Set \"auth_url\" to the address that the cloud's documentation or openrc file gives.",
            ),
        );
    }
    ApiError::refused(status, headers, text)
}

fn request(credentials: &Credentials) -> Json {
    match credentials {
        Credentials::Password { user, password, project } => {
            let mut user = named(user);
            user["password"] = password.expose_secret().into();
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": named(project)},
            }})
        }
        Credentials::ApplicationCredential { credential, secret } => {
            let mut credential = match credential {
                ApplicationCredential::Id(id) => json!({"id": id}),
                ApplicationCredential::Name { name, user } => json!({"name": name, "user": named(user)}),
            };
            credential["secret"] = secret.expose_secret().into();
            json!({"auth": {"identity": {
                "methods": ["application_credential"],
                "application_credential": credential,
            }}})
        }
    }
}

fn named(who: &Named) -> Json {
    match who {
        Named::Id(id) => json!({"id": id}),
        Named::Name { name, domain: Domain::Id(id) } => json!({"name": name, "domain": {"id": id}}),
        Named::Name { name, domain: Domain::Name(domain) } => {
            json!({"name": name, "domain": {"name": domain}})
        }
    }
}
