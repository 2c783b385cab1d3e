use std::sync::Arc;

use mprov_sdk::Fault;
use russh::client::Handle;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};

use super::settings::{Credentials, Endpoint, home};
use super::trust::Checker;

/// How an attempt to log in ended.
pub enum Login {
    Done,
    /// The machine does not take what was offered.
    Refused(Fault),
}

/// Logs in at the endpoint.
///
/// # Errors
/// There is nothing to log in with, or the connection broke.
pub async fn log_in(
    handle: &mut Handle<Checker>,
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<Login, Fault> {
    let broke = |error: russh::Error| {
        Fault::new(format!("the connection to {} broke while logging in", endpoint.name()))
            .detail(error.to_string())
    };
    let hash = handle.best_supported_rsa_hash().await.map_err(broke)?.flatten();
    let declared = declared_key(credentials)?;
    let mut tried = Vec::new();
    if let Some((key, name)) = declared {
        let key = Arc::new(key);
        let result = match &credentials.certificate {
            Some(text) => {
                let certificate = Certificate::from_openssh(text.trim()).map_err(|error| {
                    Fault::new(format!("the certificate for {} cannot be read: {error}", endpoint.name()))
                        .detail("It is the content of a file like id_ed25519-cert.pub.")
                })?;
                handle.authenticate_openssh_cert(&endpoint.user, key, certificate).await
            }
            None => {
                let key = PrivateKeyWithHashAlg::new(key, hash);
                handle.authenticate_publickey(&endpoint.user, key).await
            }
        };
        if result.map_err(broke)?.success() {
            return Ok(Login::Done);
        }
        tried.push(name);
    } else {
        if let Ok(mut agent) = AgentClient::connect_env().await {
            let keys = agent.request_identities().await.unwrap_or_default();
            for key in keys {
                let key = key.public_key().into_owned();
                let name = format!("{} of the SSH agent", key.fingerprint(russh::keys::HashAlg::Sha256));
                let result = handle.authenticate_publickey_with(&endpoint.user, key, hash, &mut agent).await;
                if result.is_ok_and(|result| result.success()) {
                    return Ok(Login::Done);
                }
                tried.push(name);
            }
        }
        for (key, name) in usual_keys() {
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let result = handle.authenticate_publickey(&endpoint.user, key).await;
            if result.map_err(broke)?.success() {
                return Ok(Login::Done);
            }
            tried.push(name);
        }
    }
    if tried.is_empty() {
        return Err(Fault::new(format!("there is no key to log in to {} with", endpoint.name())).detail(
            "Set private_key or private_key_file in the provider block, or start an SSH agent with the key.",
        ));
    }
    let fault = Fault::new(format!("{} does not let us in", endpoint.name())).detail(format!(
        "It refused {}. The public key has to be in ~{}/.ssh/authorized_keys of that machine.",
        tried.join(", "),
        endpoint.user
    ));
    Ok(Login::Refused(fault))
}

/// The key that the configuration names, and what to call it.
fn declared_key(credentials: &Credentials) -> Result<Option<(PrivateKey, String)>, Fault> {
    let passphrase = credentials.passphrase.as_deref();
    let read = |text: &str, name: &str| {
        decode_secret_key(text, passphrase).map_err(|error| {
            let detail = match error {
                russh::keys::Error::KeyIsEncrypted => {
                    "It has a passphrase: set passphrase, or use an SSH agent.".to_owned()
                }
                other => format!("{other}. A private key begins with `-----BEGIN`."),
            };
            Fault::new(format!("{name} cannot be read")).detail(detail)
        })
    };
    if let Some(text) = &credentials.private_key {
        return Ok(Some((read(text, "private_key")?, "private_key".to_owned())));
    }
    let Some(path) = &credentials.private_key_file else { return Ok(None) };
    let name = format!("the private key {}", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::new(format!("{name} cannot be read")).detail(error.to_string()))?;
    Ok(Some((read(&text, &name)?, name)))
}

/// Keys of the user that need no passphrase, where ssh(1) looks for them.
fn usual_keys() -> Vec<(PrivateKey, String)> {
    let Some(home) = home() else { return Vec::new() };
    let read = |name: &str| {
        let path = home.join(".ssh").join(name);
        let text = std::fs::read_to_string(&path).ok()?;
        Some((decode_secret_key(&text, None).ok()?, path.display().to_string()))
    };
    ["id_ed25519", "id_ecdsa", "id_rsa"].into_iter().filter_map(read).collect()
}
