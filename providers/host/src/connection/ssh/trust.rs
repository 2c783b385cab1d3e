use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mprov_sdk::Fault;
use russh::client::Handler;
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

/// Which keys a machine may prove itself with.
#[derive(Clone)]
pub struct Trust {
    /// Declared in the configuration: they alone count.
    declared: Vec<PublicKey>,
    known_hosts: PathBuf,
}

/// A public key as in known_hosts or in a `.pub` file, with or without its comment.
pub fn parse_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_openssh(text.trim()).map_err(|error| error.to_string())
}

impl Trust {
    pub fn new(declared: Vec<String>, known_hosts: PathBuf) -> Result<Self, Fault> {
        let parse = |text: &String| {
            parse_key(text).map_err(|why| Fault::new(format!("a declared host key is no public key: {why}")))
        };
        Ok(Self { declared: declared.iter().map(parse).collect::<Result<_, _>>()?, known_hosts })
    }

    /// The keys that are accepted of that machine.
    pub fn keys(&self, address: &str, port: u16) -> Result<Vec<PublicKey>, Fault> {
        if !self.declared.is_empty() {
            return Ok(self.declared.clone());
        }
        let keys = known_host_keys_path(address, port, &self.known_hosts).map_err(|error| {
            Fault::new(format!("{} cannot be read", self.known_hosts.display()))
                .detail(format!("{error}. Correct it, or give the machine's key as host_keys."))
        })?;
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }

    fn source(&self) -> String {
        match self.declared.is_empty() {
            true => self.known_hosts.display().to_string(),
            false => "host_keys".to_owned(),
        }
    }

    /// Why the key of the machine was not accepted, and what to do.
    pub fn refusal(&self, address: &str, port: u16, offered: &PublicKey) -> Fault {
        let fingerprint = offered.fingerprint(HashAlg::Sha256);
        let expected = self.keys(address, port).unwrap_or_default();
        let source = self.source();
        if expected.is_empty() {
            return Fault::new(format!("the host key of {address} is not known")).detail(format!(
                "It offers {} {fingerprint}, and {source} has no key for it. Compare that with the key on the machine \
                 itself (its console shows it, or `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), then \
                 declare it as host_keys or add it to {source}. Nothing was sent.",
                offered.algorithm()
            ));
        }
        let known: Vec<String> =
            expected.iter().map(|k| k.fingerprint(HashAlg::Sha256).to_string()).collect();
        Fault::new(format!("{address} is not the machine that was expected: its host key is another")).detail(format!(
            "It offers {} {fingerprint}; {source} says {}. Either the machine was made anew and {source} is old, or \
             somebody else answers at that address. Find out which before you change {source}. Nothing was sent.",
            offered.algorithm(),
            known.join(", ")
        ))
    }
}

/// Compares what the machine offers with what is accepted.
pub struct Checker {
    accepted: Vec<PublicKey>,
    /// What was offered and not accepted.
    pub refused: Arc<Mutex<Option<PublicKey>>>,
}

impl Checker {
    pub fn new(accepted: Vec<PublicKey>) -> Self {
        Self { accepted, refused: Arc::default() }
    }

    /// Kinds of keys to ask for: those that are known, since the machine may have others too.
    pub fn algorithms(&self) -> Option<Vec<Algorithm>> {
        let mut found: Vec<Algorithm> = Vec::new();
        for key in &self.accepted {
            let kinds = match key.algorithm() {
                Algorithm::Rsa { .. } => vec![
                    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
                    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
                ],
                other => vec![other],
            };
            found.extend(kinds.into_iter().filter(|kind| !found.contains(kind)).collect::<Vec<_>>());
        }
        (!found.is_empty()).then_some(found)
    }
}

impl Handler for Checker {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else { return Ok(false) };
        if self.accepted.iter().any(|accepted| accepted.key_data() == key.key_data()) {
            return Ok(true);
        }
        *self.refused.lock().expect("nobody panics with it") = Some(key.clone());
        Ok(false)
    }
}
