use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Diagnostics, Fault, Object, Provider, ProviderSchema, Schema, Services, Session, Type,
};

use crate::place::{Endpoint, Place};
use crate::resource::{certificate, route, server};
use crate::session::{Proxy, ProxySession};

/// The provider `proxy`.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(ProxyProvider { schema: schema() })
}

struct ProxyProvider {
    schema: ProviderSchema,
}

fn schema() -> ProviderSchema {
    ProviderSchema {
        name: "proxy",
        description: "The reverse proxy in front of the sites: Caddy, driven over its admin API and by state files.",
        config: Schema::new(
            "proxy",
            "One proxy. Its folder on the machine holds config/, run/, data/ and state/ and is mounted into the \
             container.",
            [
                (
                    "admin",
                    Attribute::required(
                        Type::String,
                        "The admin API: \"unix:///…/run/admin.sock\", or \"http://127.0.0.1:PORT\". Nothing that can \
                         be reached from elsewhere is accepted.",
                    ),
                ),
                (
                    "state_dir",
                    Attribute::required(
                        Type::String,
                        "Absolute path of the folder of state files, on the machine.",
                    ),
                ),
                (
                    "state_mount",
                    Attribute::optional(Type::String, "Path of the same folder inside the container.")
                        .default("/srv/proxy/state"),
                ),
                (
                    "config_file",
                    Attribute::optional(
                        Type::String,
                        "Where the configuration in force is saved, on the machine; the proxy has to start with it. \
                         Default: config/caddy.json beside the state folder. Certificates lie in certs/ beside it.",
                    ),
                ),
                (
                    "config_mount",
                    Attribute::optional(
                        Type::String,
                        "Path of that file's folder inside the container. Default: config beside state_mount.",
                    ),
                ),
                (
                    "group",
                    Attribute::optional(
                        Type::Number,
                        "Group id of the proxy's process: it may read the saved configuration and the keys.",
                    )
                    .default(900),
                ),
                (
                    "container",
                    Attribute::optional(
                        Type::String,
                        "The proxy's container. Not used by itself: naming it here makes mprov start the container \
                         before it talks to the proxy.",
                    ),
                ),
            ],
        ),
        resources: vec![server::schema(), certificate::schema(), route::schema()],
        data_sources: Vec::new(),
        uses: &["host"],
    }
}

#[async_trait]
impl Provider for ProxyProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        match kind {
            server::KIND => server::validate(config),
            certificate::KIND => certificate::validate(config),
            route::KIND => route::validate(config),
            _ => Diagnostics::new(),
        }
    }

    async fn configure(&self, config: &Object, services: Services) -> Result<Arc<dyn Session>, Fault> {
        let place = Place::from_config(config)?;
        let machine = services.machine.ok_or_else(|| {
            Fault::new("the proxy's machine cannot be reached")
                .detail("No session of the host provider was lent.")
        })?;
        if !machine.is_local() && matches!(place.endpoint, Endpoint::Loopback(_)) {
            return Err(Fault::new("a port on loopback of another machine cannot be reached")
                .detail("Give the proxy's admin address as \"unix:///…/admin.sock\"."));
        }
        Ok(Arc::new(ProxySession(Arc::new(Proxy::new(place, machine)?))))
    }
}
