use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Call, Diagnostics, Fault, Field, Object, Resource, Schema, Type, Value, parse_duration,
};

use super::{UNEXPECTED, UNEXPECTED_MEANS, claim, known, owner, refuse};
use crate::configuration::frame;
use crate::model::{Acme, Model, Owner, Server};
use crate::session::{Needs, Observed, Proxy};

pub const KIND: &str = "proxy_server";
const TIMEOUTS: [&str; 3] = ["read_header_timeout", "read_timeout", "idle_timeout"];

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The listeners of the proxy and what all its routes share. One for each proxy.",
        [
            ("http_port", Attribute::optional(Type::Number, "Port for HTTP, inside the container.").default(80)),
            ("https_port", Attribute::optional(Type::Number, "Port for HTTPS, inside the container.").default(443)),
            (
                "public_http_port",
                Attribute::optional(Type::Number, "Port for HTTP as users see it.").default(80),
            ),
            (
                "public_https_port",
                Attribute::optional(Type::Number, "Port for HTTPS as users see it: redirects lead there.")
                    .default(443),
            ),
            (
                "acme",
                Attribute::block(
                    [
                        ("email", Field::optional(Type::String)),
                        ("directory_url", Field::optional(Type::String)),
                        ("ca_root_pem", Field::optional(Type::String)),
                    ],
                    "Where routes with tls = \"acme\" get their certificates: email for notices, directory_url of \
                     the authority (the default of Caddy where it is null), ca_root_pem of a private authority.",
                ),
            ),
            (
                "hsts",
                Attribute::optional(
                    Type::Number,
                    "Seconds for which browsers are told to use HTTPS only; 0 tells them nothing. The default of \
                     all routes.",
                )
                .default(0),
            ),
            (
                "access_log",
                Attribute::optional(Type::Bool, "Log requests to the container's log, without query strings.")
                    .default(true),
            ),
            (
                "read_header_timeout",
                Attribute::optional(Type::String, "Time a client may take to send its headers.").default("30s"),
            ),
            (
                "read_timeout",
                Attribute::optional(Type::String, "Time a client may take to send a whole request, uploads included.")
                    .default("1h"),
            ),
            (
                "idle_timeout",
                Attribute::optional(Type::String, "Time an idle connection is kept.").default("5m"),
            ),
            (UNEXPECTED, Attribute::optional(Type::String, UNEXPECTED_MEANS)),
            ("id", Attribute::computed(Type::String, "Always \"server\".")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    for name in ["http_port", "https_port", "public_http_port", "public_https_port"] {
        if config[name].as_i64().is_some_and(|p| !(1..=65535).contains(&p)) {
            found.push(refuse(name, format!("{name} is no port"), "Give a number from 1 to 65535."));
        }
    }
    let port = |name: &str| config[name].as_i64();
    if port("http_port").is_some() && port("http_port") == port("https_port") {
        found.push(refuse("https_port", "HTTP and HTTPS on the same port", "Give each a port of its own."));
    }
    for name in TIMEOUTS {
        if known(config, name).is_some_and(|t| parse_duration(t).is_none()) {
            found.push(refuse(name, format!("{name} is no time"), "Write it as \"30s\", \"5m\" or \"1h\"."));
        }
    }
    if !config[UNEXPECTED].is_null() {
        found.push(refuse(UNEXPECTED, "this attribute cannot be set", UNEXPECTED_MEANS));
    }
    found
}

pub struct ServerResource(pub Arc<Proxy>);

#[async_trait]
impl Resource for ServerResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let observed = self.0.observe().await?;
        let Some(server) = observed.model()?.server else { return Ok(None) };
        self.attributes(&server, &observed, stored).await.map(Some)
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let server = self.write_files(planned, owner(call)).await?;
        self.put(call, |model| {
            claim(
                model.server.as_ref().map(|s| &s.owner),
                call,
                "the configuration of this proxy's listeners",
            )?;
            model.server = Some(server.clone());
            Ok(())
        })
        .await?;
        Ok(finished(planned))
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let server = self.write_files(planned, owner(call)).await?;
        self.put(call, |model| {
            let token = model.server.take().map_or_else(|| call.token.to_string(), |s| s.owner.token);
            model.server = Some(Server { owner: Owner { token, ..owner(call) }, ..server.clone() });
            Ok(())
        })
        .await?;
        Ok(finished(planned))
    }

    async fn delete(&self, call: &Call, _prior: &Object) -> Result<(), Fault> {
        self.0
            .change(call, Needs::Saved, |model| {
                model.server = None;
                Ok(())
            })
            .await?;
        remove_roots(&self.0, None).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let observed = self.0.observe().await?;
        let ours = observed.model()?.server.is_some_and(|s| s.owner.token == *call.token);
        let unexpected = observed.difference(&self.0, frame)?;
        Ok(ours.then(|| finished(planned).with(UNEXPECTED, unexpected)))
    }
}

impl ServerResource {
    async fn put(
        &self,
        call: &Call,
        edit: impl Fn(&mut Model) -> Result<(), Fault> + Send + Sync,
    ) -> Result<(), Fault> {
        let model = self.0.change(call, Needs::Running, edit).await?;
        remove_roots(&self.0, model.server.and_then(|s| s.acme).and_then(|a| a.ca_root_file)).await
    }

    /// The server of the attributes; the root certificate lies in its file afterwards, since the
    /// proxy reads it when it takes the configuration.
    async fn write_files(&self, planned: &Object, owner: Owner) -> Result<Server, Fault> {
        let (server, root) = server_of(planned, owner)?;
        if let Some((file, pem)) = root {
            let folder = self.0.place.certificates();
            self.0.machine.create_dir(&folder.to_string_lossy(), 0o755).await?;
            self.0.write_private(&folder.join(file), pem.into_bytes()).await?;
        }
        Ok(server)
    }

    async fn attributes(
        &self,
        server: &Server,
        observed: &Observed,
        stored: &Object,
    ) -> Result<Object, Fault> {
        let acme = match &server.acme {
            None => Value::Null,
            Some(acme) => {
                let pem = match &acme.ca_root_file {
                    None => None,
                    Some(file) => {
                        let path = self.0.place.certificates().join(file);
                        let bytes = self.0.machine.read_file(&path.to_string_lossy()).await?;
                        bytes.map(|b| String::from_utf8_lossy(&b).into_owned())
                    }
                };
                Value::object([
                    ("email", acme.email.clone().into()),
                    ("directory_url", acme.directory_url.clone().into()),
                    ("ca_root_pem", pem.into()),
                ])
            }
        };
        let read = Object::new()
            .with("http_port", i64::from(server.http_port))
            .with("https_port", i64::from(server.https_port))
            .with("public_http_port", i64::from(server.public_http_port))
            .with("public_https_port", i64::from(server.public_https_port))
            .with("acme", acme)
            .with("hsts", server.hsts_max_age)
            .with("access_log", server.access_log)
            .with("read_header_timeout", server.read_header_timeout.clone())
            .with("read_timeout", server.read_timeout.clone())
            .with("idle_timeout", server.idle_timeout.clone())
            .with(UNEXPECTED, observed.difference(&self.0, frame)?)
            .with("id", "server");
        // A field that was left out and one that is null mean the same.
        let same_acme = acme_fields(stored) == acme_fields(&read);
        Ok(if same_acme { read.with("acme", stored["acme"].clone()) } else { read })
    }
}

fn acme_fields(object: &Object) -> Option<[Option<String>; 3]> {
    let acme = object["acme"].as_object()?;
    Some(["email", "directory_url", "ca_root_pem"].map(|f| acme[f].as_str().map(str::to_owned)))
}

/// The server, and name and content of the file with the authority's root certificate.
fn server_of(planned: &Object, owner: Owner) -> Result<(Server, Option<(String, String)>), Fault> {
    let port = |name: &str| -> Result<u16, Fault> {
        planned.i64(name)?.try_into().map_err(|_| Fault::new(format!("{name} is no port")))
    };
    let mut root = None;
    let acme = match planned.object("acme")? {
        None => None,
        Some(acme) => {
            if let Some(pem) = acme.opt_str("ca_root_pem")? {
                let file = format!("_acme-root.{}.pem", &blake3::hash(pem.as_bytes()).to_hex()[..16]);
                root = Some((file, pem.to_owned()));
            }
            Some(Acme {
                email: acme.opt_str("email")?.map(str::to_owned),
                directory_url: acme.opt_str("directory_url")?.map(str::to_owned),
                ca_root_file: root.as_ref().map(|(file, _)| file.clone()),
            })
        }
    };
    let server = Server {
        owner,
        http_port: port("http_port")?,
        https_port: port("https_port")?,
        public_http_port: port("public_http_port")?,
        public_https_port: port("public_https_port")?,
        acme,
        hsts_max_age: planned.i64("hsts")?,
        access_log: planned.bool("access_log")?,
        read_header_timeout: planned.str("read_header_timeout")?.to_owned(),
        read_timeout: planned.str("read_timeout")?.to_owned(),
        idle_timeout: planned.str("idle_timeout")?.to_owned(),
    };
    Ok((server, root))
}

fn finished(planned: &Object) -> Object {
    planned.clone().with(UNEXPECTED, Value::Null).with("id", "server")
}

/// Removes root certificates but the one in use. No certificate can have that name: theirs begin
/// with a letter or digit.
async fn remove_roots(proxy: &Proxy, keep: Option<String>) -> Result<(), Fault> {
    super::certificate::remove_files(proxy, "_acme-root", keep.as_deref()).await
}
