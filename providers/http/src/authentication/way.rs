use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mprov_sdk::Call;

use super::{Login, OAuth2};
use crate::trouble::Trouble;
use crate::wire::Wire;

/// One way, beside constant headers and certificates.
#[derive(Debug)]
pub enum Way {
    None,
    /// RFC 7617.
    Basic {
        username: String,
        password: String,
    },
    OAuth2(Box<OAuth2>),
    Login(Box<Login>),
}

/// A header that is sent with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub header: String,
    pub value: String,
}

impl Way {
    /// Fetches one where there is none that is good.
    pub async fn credential(&self, wire: &Wire, call: &Call) -> Result<Option<Credential>, Trouble> {
        match self {
            Self::None => Ok(None),
            Self::Basic { username, password } => Ok(Some(basic(username, password))),
            Self::OAuth2(oauth2) => oauth2.credential(wire, call).await.map(Some),
            Self::Login(login) => login.credential(wire, call).await.map(Some),
        }
    }

    /// The server did not accept it: fetch another. False where there is no other.
    pub async fn renew(&self, refused: Option<&Credential>) -> bool {
        let kept = match self {
            Self::OAuth2(oauth2) => &oauth2.kept,
            Self::Login(login) => &login.kept,
            Self::None | Self::Basic { .. } => return false,
        };
        if let Some(refused) = refused {
            kept.forget(refused).await;
        }
        true
    }

    /// What was fetched and must not be shown.
    pub fn secrets(&self) -> Vec<String> {
        match self {
            Self::OAuth2(oauth2) => oauth2.kept.secrets(),
            Self::Login(login) => login.kept.secrets(),
            Self::Basic { username, password } => vec![basic(username, password).value],
            Self::None => Vec::new(),
        }
    }
}

pub fn basic(username: &str, password: &str) -> Credential {
    let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")));
    Credential { header: "authorization".into(), value }
}
