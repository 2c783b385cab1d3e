use std::sync::Once;
use std::time::Duration;

use mprov_sdk::Fault;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder, Identity};

/// Who a client is for TLS, and whom it trusts besides the machine's own authorities.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificate chain and private key, PEM.
    pub identity: Option<(String, String)>,
    /// Certificates of authorities, PEM.
    pub authorities: Option<String>,
}

/// The connections of one provider configuration.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Keeps connections open and follows redirects within one server.
    pub reading: Client,
    /// A connection for each request: a server that closes an idle one in the moment of sending
    /// leaves in doubt whether it took the request. Follows no redirects, which turn a POST into a
    /// GET.
    pub writing: Client,
}

impl Clients {
    pub fn new(tls: &Tls, timeout: Duration) -> Result<Self, Fault> {
        let reading = builder(tls, timeout)?.redirect(Policy::custom(within_one_server));
        let writing = builder(tls, timeout)?.redirect(Policy::none()).pool_max_idle_per_host(0);
        Ok(Self { reading: build(reading)?, writing: build(writing)? })
    }
}

fn builder(tls: &Tls, timeout: Duration) -> Result<ClientBuilder, Fault> {
    static RING: Once = Once::new();
    // That another part of the program has installed one already is as good.
    RING.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut builder = Client::builder()
        .no_proxy()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(30)))
        .user_agent(concat!("mprov/", env!("CARGO_PKG_VERSION")));
    if let Some(authorities) = &tls.authorities {
        let certificates = Certificate::from_pem_bundle(authorities.as_bytes()).unwrap_or_default();
        if certificates.is_empty() {
            return Err(Fault::new("\"ca_certificates\" holds no certificate")
                .detail("It takes one or more certificates in PEM: -----BEGIN CERTIFICATE-----"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some((certificate, key)) = &tls.identity {
        // The error could quote what it was given: it is left out.
        let identity = Identity::from_pem(format!("{key}\n{certificate}\n").as_bytes()).map_err(|_| {
            Fault::new("the client certificate cannot be used").detail(
                "\"certificate\" takes the certificate and its chain, \"private_key\" its key, both in PEM and the \
                 key without a passphrase.",
            )
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn build(builder: ClientBuilder) -> Result<Client, Fault> {
    builder.build().map_err(|e| {
        Fault::new("no HTTP client can be made with these certificates").detail(format!("{}.", innermost(&e)))
    })
}

/// Credentials in headers are sent again after a redirect, so it must not lead elsewhere.
fn within_one_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from = attempt.previous().last().map(|url| url.origin());
    match from == Some(attempt.url().origin()) && attempt.previous().len() <= 10 {
        true => attempt.follow(),
        false => attempt.stop(),
    }
}

/// What is at the bottom of an error.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
