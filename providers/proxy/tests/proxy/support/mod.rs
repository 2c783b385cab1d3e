//! A real Caddy as a child process, a machine of plain files, and upstreams that say who they are.

pub mod caddy;
pub mod client;
pub mod events;
pub mod load;
pub mod machine;
pub mod upstream;

use std::sync::Arc;

use mprov_sdk::{Call, CancellationToken, Object, Session, Silent, Value};

pub use caddy::Caddy;
pub use client::Client;
pub use events::Heard;
pub use load::{Kind, Load};
pub use upstream::Upstream;

pub const SERVER: &str = "proxy_server";
pub const ROUTE: &str = "proxy_route";
pub const CERTIFICATE: &str = "proxy_certificate";
pub const COOKIE: &str = "Cookie: other=1; mprov_preview=secret-0123456789\r\n";

pub fn server(caddy: &Caddy) -> Object {
    desired(
        SERVER,
        [
            ("http_port", i64::from(caddy.http_port).into()),
            ("https_port", i64::from(caddy.https_port).into()),
            ("public_http_port", i64::from(caddy.http_port).into()),
            ("public_https_port", i64::from(caddy.https_port).into()),
            ("hsts", 1000.into()),
        ],
    )
}

pub fn route(host: &'static str, upstream: &str) -> Object {
    desired(
        ROUTE,
        [
            ("hostname", host.into()),
            ("upstream", upstream.into()),
            ("tls", "off".into()),
            ("health_timeout", "5s".into()),
        ],
    )
}

pub async fn with_server(caddy: &Caddy) -> Site {
    let site = caddy.site().await;
    site.create(SERVER, &server(caddy)).await;
    site
}

/// A call of the step with that token.
pub fn call(token: &str) -> Call {
    Call {
        address: "proxy_route.test".into(),
        token: token.into(),
        base_dir: "/".into(),
        events: Silent::shared(),
        cancel: CancellationToken::new(),
        read_only: None,
    }
}

/// The desired attributes as the planner makes them: defaults filled in, the rest null.
pub fn desired(kind: &str, given: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
    let provider = mprov_provider_proxy::provider();
    let schema = provider.schema().resource(kind).expect("a known type");
    let given: Object = given.into_iter().collect();
    let filled: Object = schema
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let value = given.lookup(name).cloned().or(attribute.default.clone()).unwrap_or(Value::Null);
            (name.clone(), value)
        })
        .collect();
    let found = provider.validate(kind, &filled);
    assert!(!found.has_errors(), "{found:?}");
    filled
}

/// What a plan would change.
pub fn changes(kind: &str, config: &Object, observed: &Object) -> Vec<String> {
    let request = mprov_sdk::PlanRequest { config, stored: Some(observed), observed: Some(observed) };
    let planned = mprov_provider_proxy::provider().plan(kind, &request);
    planned.changes.iter().map(|c| c.name.to_string()).collect()
}

/// Removes the resource type's boilerplate from tests.
pub struct Site {
    pub session: Arc<dyn Session>,
}

impl Site {
    pub fn of(&self, kind: &str) -> Arc<dyn mprov_sdk::Resource> {
        self.session.resource(kind).expect("a known type")
    }

    pub async fn create(&self, kind: &str, planned: &Object) -> Object {
        self.of(kind).create(&call("token-1"), planned).await.unwrap_or_else(|f| panic!("create: {f}"))
    }

    pub async fn update(&self, kind: &str, prior: &Object, planned: &Object) -> Object {
        self.of(kind).update(&call("token-2"), prior, planned).await.unwrap_or_else(|f| panic!("update: {f}"))
    }

    pub async fn read(&self, kind: &str, stored: &Object) -> Option<Object> {
        self.of(kind).read(&call("read"), stored).await.unwrap_or_else(|f| panic!("read: {f}"))
    }

    pub async fn delete(&self, kind: &str, prior: &Object) {
        self.of(kind).delete(&call("delete"), prior).await.unwrap_or_else(|f| panic!("delete: {f}"));
    }
}
