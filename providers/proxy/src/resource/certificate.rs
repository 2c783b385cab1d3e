use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Call, CancellationToken, Diagnostics, ExecRequest, Fault, Object, Resource, Schema, Silent,
    Type, Value,
};

use super::{UNEXPECTED, UNEXPECTED_MEANS, claim, known, owner, refuse};
use crate::check;
use crate::configuration::frame;
use crate::model::{Certificate, Owner};
use crate::session::{Needs, Proxy};

pub const KIND: &str = "proxy_certificate";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A certificate with its key, for routes with tls = \"certificate\". Certificate and key lie in files that \
         only root and the proxy can read; the proxy's configuration names the files and does not contain the key.",
        [
            (
                "name",
                Attribute::required(Type::String, "Name within this proxy; part of the files' names.")
                    .replaces(),
            ),
            ("cert_pem", Attribute::required(Type::String, "The certificate with its chain, in PEM.")),
            ("key_pem", Attribute::required(Type::String, "Its private key, in PEM.").sensitive()),
            (UNEXPECTED, Attribute::optional(Type::String, UNEXPECTED_MEANS)),
            ("id", Attribute::computed(Type::String, "The name, for `certificate` of a route.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    if known(config, "name").is_some_and(|n| !check::is_plain_name(n)) {
        found.push(refuse(
            "name",
            "not a name for a certificate",
            "Letters, digits, \"-\", \"_\" and \".\" are possible; it begins with a letter or digit.",
        ));
    }
    for (name, label) in [("cert_pem", "CERTIFICATE"), ("key_pem", "PRIVATE KEY")] {
        let is_pem = |t: &str| t.contains("-----BEGIN ") && t.contains(label);
        if known(config, name).is_some_and(|t| !is_pem(t)) {
            let summary = format!("{name} holds no {} in PEM", label.to_lowercase());
            found.push(refuse(name, summary, format!("It has to contain \"-----BEGIN … {label}-----\".")));
        }
    }
    if !config[UNEXPECTED].is_null() {
        found.push(refuse(UNEXPECTED, "this attribute cannot be set", UNEXPECTED_MEANS));
    }
    found
}

pub struct CertificateResource(pub Arc<Proxy>);

#[async_trait]
impl Resource for CertificateResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let name = stored.str("name")?;
        let observed = self.0.observe().await?;
        let Some(certificate) = observed.model()?.certificates.remove(name) else { return Ok(None) };
        let cert = self.read_file(&certificate.stem, "crt").await?;
        let key = self.read_file(&certificate.stem, "key").await?;
        // Without its files the proxy does not come back from a restart.
        let unexpected = match (&cert, &key) {
            (Some(_), Some(_)) => observed.difference(&self.0, frame)?,
            _ => Some("a file is missing".into()),
        };
        let read = stored.clone().with("id", name).with(UNEXPECTED, unexpected);
        let read = match cert {
            Some(cert) => read.with("cert_pem", cert),
            None => read,
        };
        Ok(Some(match key {
            Some(key) => read.with("key_pem", Value::from(key).sensitive()),
            None => read,
        }))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let name = planned.str("name")?;
        let stem = self.write_files(planned).await?;
        self.0
            .change(call, Needs::Running, |model| {
                let existing = model.certificates.get(name);
                claim(existing.map(|c| &c.owner), call, &format!("the certificate \"{name}\""))?;
                let certificate = Certificate { owner: owner(call), stem: stem.clone() };
                model.certificates.insert(name.to_owned(), certificate);
                Ok(())
            })
            .await?;
        remove_files(&self.0, name, Some(&stem)).await?;
        Ok(finished(planned, name))
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let name = planned.str("name")?;
        let stem = self.write_files(planned).await?;
        self.0
            .change(call, Needs::Running, |model| {
                let token = model.certificates.get(name).map(|c| c.owner.token.clone());
                let token = token.unwrap_or_else(|| call.token.to_string());
                let certificate = Certificate { owner: Owner { token, ..owner(call) }, stem: stem.clone() };
                model.certificates.insert(name.to_owned(), certificate);
                Ok(())
            })
            .await?;
        remove_files(&self.0, name, Some(&stem)).await?;
        Ok(finished(planned, name))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let name = prior.str("name")?;
        self.0
            .change(call, Needs::Saved, |model| {
                let user = model.routes.values().find(|r| r.certificate.as_deref() == Some(name));
                if let Some(route) = user {
                    return Err(Fault::new(format!("the certificate \"{name}\" is in use")).detail(format!(
                        "The route of {} answers with it. Give the route another one first.",
                        route.hostname
                    )));
                }
                model.certificates.remove(name);
                Ok(())
            })
            .await?;
        remove_files(&self.0, name, None).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let name = planned.str("name")?;
        let observed = self.0.observe().await?;
        let model = observed.model()?;
        let ours = model.certificates.get(name).is_some_and(|c| c.owner.token == *call.token);
        let unexpected = observed.difference(&self.0, frame)?;
        Ok(ours.then(|| finished(planned, name).with(UNEXPECTED, unexpected)))
    }
}

impl CertificateResource {
    /// Both files, before the proxy is told of them; returns their common name.
    async fn write_files(&self, planned: &Object) -> Result<String, Fault> {
        let (cert, key) = (planned.str("cert_pem")?, planned.str("key_pem")?);
        let mut hash = blake3::Hasher::new();
        hash.update(cert.as_bytes()).update(&[0]).update(key.as_bytes());
        let stem = format!("{}.{}", planned.str("name")?, &hash.finalize().to_hex()[..16]);

        let folder = self.0.place.certificates();
        self.0.machine.create_dir(&folder.to_string_lossy(), 0o755).await?;
        self.0.write_private(&folder.join(format!("{stem}.crt")), cert.into()).await?;
        self.0.write_private(&folder.join(format!("{stem}.key")), key.into()).await?;
        Ok(stem)
    }

    async fn read_file(&self, stem: &str, ending: &str) -> Result<Option<String>, Fault> {
        let path = self.0.place.certificates().join(format!("{stem}.{ending}"));
        let bytes = self.0.machine.read_file(&path.to_string_lossy()).await?;
        Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()))
    }
}

/// Removes the files `<name>.<hash>.*`, those of interrupted tries included, but the ones to be
/// kept (a whole file name or a stem).
pub async fn remove_files(proxy: &Proxy, name: &str, keep: Option<&str>) -> Result<(), Fault> {
    let folder = proxy.place.certificates();
    let folder = folder.to_string_lossy();
    let pattern = format!("{name}.????????????????.*");
    let mut argv = vec!["find", &*folder, "-maxdepth", "1", "-type", "f", "-name", &pattern];
    let kept = keep.map(|k| format!("{k}*"));
    if let Some(kept) = &kept {
        argv.extend(["!", "-name", kept]);
    }
    argv.push("-delete");
    // A folder that is not there holds nothing to remove, so the status says nothing of use.
    proxy.machine.exec(ExecRequest::new(argv), &Silent, &CancellationToken::new()).await.map(drop)
}

fn finished(planned: &Object, name: &str) -> Object {
    planned.clone().with(UNEXPECTED, Value::Null).with("id", name)
}
