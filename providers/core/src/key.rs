use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jiff::Timestamp;
use mprov_sdk::{Attribute, Diagnostics, Fault, Object, Schema, Type, Value};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};
use sha2::{Digest, Sha256};

use crate::kept::{Kind, refused};

/// `core_private_key`: a private key for TLS or SSH.
pub struct PrivateKey;

impl Kind for PrivateKey {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_private_key",
            "A private key for TLS or SSH. It is kept sealed in the state.",
            [
                (
                    "algorithm",
                    Attribute::optional(Type::String, "ECDSA or ED25519.").default("ECDSA").replaces(),
                ),
                (
                    "ecdsa_curve",
                    Attribute::optional(Type::String, "P256 or P384.").default("P256").replaces(),
                ),
                (
                    "private_key_pem",
                    Attribute::computed(Type::String, "The private key, PKCS #8 in PEM.").sensitive(),
                ),
                ("public_key_pem", Attribute::computed(Type::String, "The public key in PEM.")),
                ("public_key_openssh", Attribute::computed(Type::String, "A line for authorized_keys.")),
                (
                    "public_key_fingerprint_sha256",
                    Attribute::computed(Type::String, "The fingerprint as ssh-keygen -l prints it."),
                ),
                ("id", Attribute::computed(Type::String, "The fingerprint.")),
            ],
        )
        .value()
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let algorithm = config["algorithm"].as_str().unwrap_or("ECDSA");
        let curve = config["ecdsa_curve"].as_str().unwrap_or("P256");
        match scheme(algorithm, curve) {
            Ok(_) => Diagnostics::new(),
            Err((attribute, fault)) => refused(attribute, fault.summary, fault.detail).into(),
        }
    }

    fn make(&self, planned: &Object, _: Timestamp) -> Result<Object, Fault> {
        let algorithm = planned.opt_str("algorithm")?.unwrap_or("ECDSA");
        let curve = planned.opt_str("ecdsa_curve")?.unwrap_or("P256");
        let scheme = scheme(algorithm, curve).map_err(|(_, fault)| fault)?;
        let key = KeyPair::generate_for(scheme)
            .map_err(|e| Fault::new("no private key could be made").detail(e.to_string()))?;
        let blob = openssh_blob(algorithm, curve, key.public_key_raw());
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob)));
        Ok(planned
            .clone()
            .with("private_key_pem", Value::from(key.serialize_pem()).sensitive())
            .with("public_key_pem", key.public_key_pem())
            .with(
                "public_key_openssh",
                format!("{} {}\n", openssh_name(algorithm, curve), STANDARD.encode(blob)),
            )
            .with("id", fingerprint.clone())
            .with("public_key_fingerprint_sha256", fingerprint))
    }
}

fn scheme(algorithm: &str, curve: &str) -> Result<&'static SignatureAlgorithm, (&'static str, Fault)> {
    match (algorithm, curve) {
        ("ED25519", _) => Ok(&PKCS_ED25519),
        ("ECDSA", "P256") => Ok(&PKCS_ECDSA_P256_SHA256),
        ("ECDSA", "P384") => Ok(&PKCS_ECDSA_P384_SHA384),
        ("ECDSA", other) => Err((
            "ecdsa_curve",
            Fault::new(format!("\"{other}\" is not a curve that keys can be made on"))
                .detail("Use P256, which everything understands, or P384."),
        )),
        (other, _) => Err((
            "algorithm",
            Fault::new(format!("keys of the algorithm \"{other}\" cannot be made"))
                .detail("Use ECDSA, which every browser and server understands, or ED25519 for SSH."),
        )),
    }
}

fn openssh_name(algorithm: &str, curve: &str) -> &'static str {
    match (algorithm, curve) {
        ("ED25519", _) => "ssh-ed25519",
        (_, "P384") => "ecdsa-sha2-nistp384",
        _ => "ecdsa-sha2-nistp256",
    }
}

/// The public key in the wire form of RFC 4253 6.6, RFC 5656 3.1 and RFC 8709 4.
fn openssh_blob(algorithm: &str, curve: &str, public: &[u8]) -> Vec<u8> {
    let name = openssh_name(algorithm, curve);
    let mut parts: Vec<&[u8]> = vec![name.as_bytes()];
    parts.extend(name.strip_prefix("ecdsa-sha2-").map(str::as_bytes));
    parts.push(public);
    let mut blob = Vec::new();
    for part in parts {
        blob.extend((part.len() as u32).to_be_bytes());
        blob.extend(part);
    }
    blob
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn made(algorithm: &str, curve: &str) -> Object {
        let planned = Object::new().with("algorithm", algorithm).with("ecdsa_curve", curve);
        PrivateKey.make(&planned, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn the_private_key_is_marked_and_reads_back_to_the_same_public_key() {
        for (algorithm, curve) in [("ECDSA", "P256"), ("ECDSA", "P384"), ("ED25519", "P256")] {
            let made = made(algorithm, curve);
            assert!(made["private_key_pem"].contains_sensitive());
            let key = KeyPair::from_pem(made.str("private_key_pem").unwrap()).unwrap();
            assert_eq!(key.public_key_pem(), made.str("public_key_pem").unwrap());
        }
    }

    #[test]
    fn ssh_keygen_agrees_with_the_public_key_and_its_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pub");
        for (algorithm, curve) in [("ECDSA", "P256"), ("ECDSA", "P384"), ("ED25519", "P256")] {
            let made = made(algorithm, curve);
            std::fs::write(&file, made.str("public_key_openssh").unwrap()).unwrap();
            let output =
                Command::new("ssh-keygen").arg("-lf").arg(&file).output().expect("ssh-keygen is needed");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains(made.str("public_key_fingerprint_sha256").unwrap()), "{text}");
        }
    }

    #[test]
    fn rsa_is_refused_with_what_to_use_instead() {
        let found = PrivateKey.validate(&Object::new().with("algorithm", "RSA"));
        let first = found.iter().next().unwrap();
        assert_eq!(first.address.as_deref(), Some("algorithm"));
        assert!(first.detail.contains("ECDSA"));
    }
}
