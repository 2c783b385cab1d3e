use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Value};
use serde_json::Value as Json;

pub use super::route_schema::{KIND, schema, validate};
use super::{UNEXPECTED, claim, owner};
use crate::configuration;
use crate::duration;
use crate::model::{Hsts, Model, Owner, PreviewCookie, Route, Server, Slots, Tls};
use crate::probe::{self, Question};
use crate::render;
use crate::session::{Needs, Observed, Proxy};
use crate::slot::Slot;

pub struct RouteResource(pub Arc<Proxy>);

#[async_trait]
impl Resource for RouteResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let hostname = stored.str("hostname")?;
        let observed = self.0.observe().await?;
        let mut model = observed.model()?;
        let Some(route) = model.routes.remove(hostname) else { return Ok(None) };
        let unexpected = self.difference(&observed, hostname)?;
        self.attributes(&route, &model.server(), unexpected, stored).await.map(Some)
    }

    /// The route begins on slot a.
    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let mut route = route_of(planned, owner(call))?;
        route.slots.set(Slot::A, planned.str("upstream")?);
        // Before the route: whatever an earlier route of that name left must not decide anything.
        let files = self.0.state_files(&route.hostname);
        files.prepare().await?;
        files.set_live(Slot::A).await?;
        files.set_frozen(planned.bool("frozen")?).await?;

        let model = self
            .0
            .change(call, Needs::Running, |model| {
                let existing = model.routes.get(&route.hostname);
                claim(existing.map(|r| &r.owner), call, &format!("a route for {}", route.hostname))?;
                put(model, route.clone())
            })
            .await?;
        let made = self.attributes(&route, &model.server(), None, planned).await?;
        self.wait(call, planned, Slot::A).await.map_err(|fault| fault.unfinished(made.clone()))?;
        Ok(made)
    }

    /// A new upstream goes into the slot that nobody sees and becomes live when it answers.
    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let wanted = route_of(planned, owner(call))?;
        let upstream = planned.str("upstream")?;
        let files = self.0.state_files(&wanted.hostname);
        files.prepare().await?;
        let live = files.live().await?;

        let model = self
            .0
            .change(call, Needs::Running, |model| {
                let existing = model.routes.get(&wanted.hostname);
                let mut route = wanted.clone();
                route.slots = existing.map(|r| r.slots.clone()).unwrap_or_default();
                if let Some(existing) = existing {
                    route.owner.token.clone_from(&existing.owner.token);
                }
                let slot = if route.slots.get(live).is_none() { live } else { live.other() };
                if route.slots.get(live) != Some(upstream) {
                    route.slots.set(slot, upstream);
                }
                put(model, route)
            })
            .await?;
        let route = &model.routes[&wanted.hostname];
        let next = if route.slots.get(live) == Some(upstream) { live } else { live.other() };
        let made = self.attributes(route, &model.server(), None, planned).await?;
        self.wait(call, planned, next).await.map_err(|fault| fault.unfinished(made))?;
        files.set_live(next).await?;
        files.set_frozen(planned.bool("frozen")?).await?;
        self.attributes(route, &model.server(), None, planned).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let hostname = prior.str("hostname")?;
        self.0
            .change(call, Needs::Saved, |model| {
                model.routes.remove(hostname);
                Ok(())
            })
            .await?;
        self.0.state_files(hostname).clear().await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let hostname = planned.str("hostname")?;
        let observed = self.0.observe().await?;
        let mut model = observed.model()?;
        let Some(route) = model.routes.remove(hostname).filter(|r| r.owner.token == *call.token) else {
            return Ok(None);
        };
        let unexpected = self.difference(&observed, hostname)?;
        self.attributes(&route, &model.server(), unexpected, planned).await.map(Some)
    }

    /// `id` is the host name.
    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        let observed = self.0.observe().await?;
        let mut model = observed.model()?;
        let Some(route) = model.routes.remove(id) else {
            return Err(Fault::new(format!("the proxy has no route for {id}")));
        };
        let unexpected = self.difference(&observed, id)?;
        let unobservable = Object::new().with("health_timeout", "60s");
        self.attributes(&route, &model.server(), unexpected, &unobservable).await
    }
}

impl RouteResource {
    fn difference(&self, observed: &Observed, hostname: &str) -> Result<Option<String>, Fault> {
        let ids = render::ids(hostname);
        observed.difference(&self.0, |config| {
            let parts = configuration::routes(config).filter_map(|route| {
                let id = route["@id"].as_str()?;
                ids.iter().any(|i| i == id).then(|| (id.to_owned(), route.clone()))
            });
            parts.collect::<BTreeMap<String, Json>>()
        })
    }

    async fn wait(&self, call: &Call, planned: &Object, slot: Slot) -> Result<(), Fault> {
        let Some(socket) = self.0.place.probe_socket() else { return Ok(()) };
        let limit = planned.str("health_timeout")?;
        let question = Question {
            hostname: planned.str("hostname")?,
            slot,
            health_path: planned.opt_str("health_path")?,
            limit: duration::parse(limit).unwrap_or(Duration::from_secs(60)),
        };
        probe::wait_for_answer(call, &socket, &question).await
    }

    /// What there is, with what cannot be observed taken from `known`.
    async fn attributes(
        &self,
        route: &Route,
        server: &Server,
        unexpected: Option<String>,
        known: &Object,
    ) -> Result<Object, Fault> {
        let files = self.0.state_files(&route.hostname);
        let live = files.live().await?;
        let cookie = route.preview_cookie.as_ref().map(|c| c.0.clone());
        let hsts = route.hsts.map_or(Value::Null, |h| {
            Value::object([
                ("max_age", Value::from(h.max_age)),
                ("include_subdomains", h.include_subdomains.into()),
                ("preload", h.preload.into()),
            ])
        });
        Ok(Object::new()
            .with("hostname", route.hostname.as_str())
            .with("upstream", route.slots.get(live).map(str::to_owned))
            .with("tls", route.tls.text())
            .with("certificate", route.certificate.clone())
            .with("redirect_http", route.redirect_http)
            .with("hsts", hsts)
            .with("max_body", route.max_body.as_str())
            .with("read_timeout", route.read_timeout.as_str())
            .with("write_timeout", route.write_timeout.as_str())
            .with("path_blocks", Value::list(route.path_blocks.iter().map(|p| p.as_str().into())))
            .with("preview_cookie", Value::from(cookie).sensitive())
            .with("freeze_page", route.freeze_page.clone())
            .with("frozen", files.is_frozen().await?)
            .with("health_path", known["health_path"].clone())
            .with("health_timeout", known["health_timeout"].clone())
            .with(UNEXPECTED, unexpected)
            .with("id", route.hostname.as_str())
            .with("live_slot", live.name())
            .with("url", route.url(server)))
    }
}

fn put(model: &mut Model, route: Route) -> Result<(), Fault> {
    if let Some(name) = &route.certificate
        && !model.certificates.contains_key(name)
    {
        return Err(Fault::new(format!("the proxy has no certificate \"{name}\""))
            .detail("Give the id of a proxy_certificate, so that it is made before the route."));
    }
    model.routes.insert(route.hostname.clone(), route);
    Ok(())
}

/// The route of the attributes, with no slot filled.
fn route_of(planned: &Object, owner: Owner) -> Result<Route, Fault> {
    let tls = planned.str("tls")?;
    let hsts = match planned.object("hsts")? {
        None => None,
        Some(block) => Some(Hsts {
            max_age: block.i64("max_age")?,
            include_subdomains: block.opt_bool("include_subdomains")?.unwrap_or(false),
            preload: block.opt_bool("preload")?.unwrap_or(false),
        }),
    };
    Ok(Route {
        owner,
        hostname: planned.str("hostname")?.to_owned(),
        slots: Slots::default(),
        tls: Tls::parse(tls).ok_or_else(|| Fault::new(format!("\"{tls}\" is no kind of TLS")))?,
        certificate: planned.opt_str("certificate")?.map(str::to_owned),
        redirect_http: planned.bool("redirect_http")?,
        hsts,
        max_body: planned.str("max_body")?.to_owned(),
        read_timeout: planned.str("read_timeout")?.to_owned(),
        write_timeout: planned.str("write_timeout")?.to_owned(),
        path_blocks: planned.strings("path_blocks")?,
        preview_cookie: planned.opt_str("preview_cookie")?.map(|c| PreviewCookie(c.to_owned())),
        freeze_page: planned.opt_str("freeze_page")?.map(str::to_owned),
    })
}
