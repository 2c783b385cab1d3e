use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that mprov has configured in one proxy.
///
/// It is carried inside the proxy's configuration itself (see [`crate::configuration`]), so that
/// the configuration and what is known of it change in one step and cannot disagree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub server: Option<Server>,
    pub certificates: BTreeMap<String, Certificate>,
    /// By host name.
    pub routes: BTreeMap<String, Route>,
}

/// Which instance made a part, and in which step: how a create in doubt is found again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub address: String,
    pub token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub owner: Owner,
    pub http_port: u16,
    pub https_port: u16,
    /// The ports that users see, where the machine maps them.
    pub public_http_port: u16,
    pub public_https_port: u16,
    pub acme: Option<Acme>,
    pub hsts_max_age: i64,
    pub access_log: bool,
    pub read_header_timeout: String,
    pub read_timeout: String,
    pub idle_timeout: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acme {
    pub email: Option<String>,
    pub directory_url: Option<String>,
    /// File with the roots that the directory's own certificate is checked against, below the
    /// folder of certificates.
    pub ca_root_file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub owner: Owner,
    /// Name of its files below the folder of certificates, without `.crt` and `.key`. It holds
    /// the hash of the content: a new content is a new file, or the proxy would not load it.
    pub stem: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub owner: Owner,
    pub hostname: String,
    pub tls: Tls,
    pub certificate: Option<String>,
    pub redirect_http: bool,
    /// None takes the server's.
    pub hsts: Option<Hsts>,
    pub max_body: String,
    pub read_timeout: String,
    pub write_timeout: String,
    pub path_blocks: Vec<String>,
    /// Networks from which the route may be seen; none lets everybody.
    #[serde(default)]
    pub allow: Option<Vec<String>>,
    pub preview_cookie: Option<PreviewCookie>,
    pub freeze_page: Option<String>,
    /// How long a request waits for the thaw before it gets the freeze page.
    #[serde(default = "no_time")]
    pub pause: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    Off,
    Internal,
    Acme,
    Certificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hsts {
    /// Seconds; 0 sends no header.
    pub max_age: i64,
    pub include_subdomains: bool,
    pub preload: bool,
}

/// The secret by which an operator sees the slot that is not live. Shown in no `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreviewCookie(pub String);

impl std::fmt::Debug for PreviewCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreviewCookie(…)")
    }
}

fn no_time() -> String {
    "0s".into()
}

/// The name of the preview cookie.
pub const PREVIEW_COOKIE: &str = "mprov_preview";

impl Server {
    /// What holds where no `proxy_server` is configured.
    pub fn standard() -> Self {
        Self {
            owner: Owner::default(),
            http_port: 80,
            https_port: 443,
            public_http_port: 80,
            public_https_port: 443,
            acme: None,
            hsts_max_age: 0,
            access_log: true,
            read_header_timeout: "30s".into(),
            read_timeout: "1h".into(),
            idle_timeout: "5m".into(),
        }
    }
}

impl Model {
    pub fn server(&self) -> Server {
        self.server.clone().unwrap_or_else(Server::standard)
    }
}

impl Route {
    pub fn uses_tls(&self) -> bool {
        self.tls != Tls::Off
    }

    /// The address as users type it.
    pub fn url(&self, server: &Server) -> String {
        let (scheme, port, usual) = match self.uses_tls() {
            true => ("https", server.public_https_port, 443),
            false => ("http", server.public_http_port, 80),
        };
        match port == usual {
            true => format!("{scheme}://{}", self.hostname),
            false => format!("{scheme}://{}:{port}", self.hostname),
        }
    }
}

impl Tls {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "off" => Self::Off,
            "internal" => Self::Internal,
            "acme" => Self::Acme,
            "certificate" => Self::Certificate,
            _ => return None,
        })
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Internal => "internal",
            Self::Acme => "acme",
            Self::Certificate => "certificate",
        }
    }
}
