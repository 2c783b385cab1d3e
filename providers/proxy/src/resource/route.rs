use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, parse_duration};
use serde_json::Value as Json;

use super::route_attributes::{observed, route_of, same_configuration, updated};
pub use super::route_schema::{KIND, schema, validate};
use super::{claim, owner};
use crate::configuration;
use crate::drain;
use crate::model::{Model, Owner, Route};
use crate::probe::{self, Question};
use crate::render;
use crate::session::{Needs, Observed, Proxy};
use crate::slot::Slot;
use crate::state::{State, StateFiles};

pub struct RouteResource(pub Arc<Proxy>);

#[async_trait]
impl Resource for RouteResource {
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        self.look(stored.str("hostname")?, stored, |_| true).await
    }

    /// The route begins on slot a.
    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let route = self.wanted(call, planned)?;
        let claim_name = |model: &Model| {
            let existing = model.routes.get(&route.hostname);
            claim(existing.map(|r| &r.owner), call, &format!("a route for {}", route.hostname))
        };
        // The state files of somebody else's route are that one's.
        claim_name(&self.0.observe().await?.model()?)?;

        // Before the route: whatever an earlier route of that name left must not decide anything.
        let files = self.0.state_files(&route.hostname);
        files.prepare().await?;
        files.set_upstream(Slot::A, Some(planned.str("upstream")?)).await?;
        files.set_live(Slot::A).await?;
        files.set_upstream(Slot::B, None).await?;
        files.set_draining(false).await?;
        match planned.bool("frozen")? {
            true => files.freeze(true).await?,
            false => files.thaw().await?,
        }

        let model = self
            .0
            .change(call, Needs::Running, |model| {
                claim_name(model)?;
                put(model, route.clone())
            })
            .await?;
        let made = updated(planned, &files.read().await?, &route.url(&model.server()));
        self.wait(call, planned, Slot::A).await.map_err(|fault| fault.unfinished(made.clone()))?;
        Ok(made)
    }

    /// A new upstream goes into the slot that nobody sees and becomes live when it answers.
    ///
    /// The order is such that a death between any two steps leaves a difference to be read, and
    /// that doing all of it again ends well: users come back last, when they can only meet the
    /// upstream that was planned.
    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let upstream = planned.str("upstream")?;
        let files = self.0.state_files(planned.str("hostname")?);
        files.prepare().await?;
        let before = files.read().await?;
        let next = before.place_for(upstream);
        if before.upstream(next) != Some(upstream) {
            files.set_upstream(next, Some(upstream)).await?;
        }
        let url = match same_configuration(prior, planned) {
            // A configuration that is not touched cannot cost anybody a connection.
            true => prior.str("url")?.to_owned(),
            false => self.configure(call, planned).await?,
        };
        let done = self.carry_out(call, planned, &files, &before, next).await;
        let made = updated(planned, &files.read().await?, &url);
        match done {
            Ok(()) => Ok(made),
            Err(fault) => Err(fault.unfinished(made)),
        }
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
        self.look(planned.str("hostname")?, planned, |route| route.owner.token == *call.token).await
    }

    /// `id` is the host name.
    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        let unobservable = Object::new().with("drain_timeout", "30s").with("health_timeout", "60s");
        let found = self.look(id, &unobservable, |_| true).await?;
        found.ok_or_else(|| Fault::new(format!("the proxy has no route for {id}")))
    }
}

impl RouteResource {
    /// What there is of a route that is wanted, with what cannot be observed taken from `known`.
    async fn look(
        &self,
        hostname: &str,
        known: &Object,
        wanted: impl Fn(&Route) -> bool + Send,
    ) -> Result<Option<Object>, Fault> {
        let there = self.0.observe().await?;
        let mut model = there.model()?;
        let Some(route) = model.routes.remove(hostname).filter(|r| wanted(r)) else { return Ok(None) };
        let state = self.0.state_files(hostname).read().await?;
        let undrained = (state.frozen && state.draining)
            .then(|| "a freeze was interrupted while it waited for requests in flight".to_owned());
        let unexpected = self.difference(&there, hostname)?.or(undrained);
        Ok(Some(observed(&route, &state, &model.server(), unexpected, known)))
    }

    /// The route of the attributes, if this proxy can serve it.
    fn wanted(&self, call: &Call, planned: &Object) -> Result<Route, Fault> {
        let route = route_of(planned, owner(call))?;
        let pauses = parse_duration(&route.pause).is_some_and(|pause| !pause.is_zero());
        if pauses && self.0.place.probe_socket().is_none() {
            return Err(Fault::new(format!("requests to {} cannot wait", route.hostname)).detail(
                "They would wait at a socket beside the proxy's admin socket, and its admin API is a port. Make \
                 it a socket, or leave out pause.",
            ));
        }
        Ok(route)
    }

    /// Puts the route's part of the configuration in force; the address of the site as users type
    /// it.
    async fn configure(&self, call: &Call, planned: &Object) -> Result<String, Fault> {
        let wanted = self.wanted(call, planned)?;
        let model = self
            .0
            .change(call, Needs::Running, |model| {
                let existing = model.routes.get(&wanted.hostname);
                let token = existing.map_or(&wanted.owner.token, |r| &r.owner.token).clone();
                put(model, Route { owner: Owner { token, ..owner(call) }, ..wanted.clone() })
            })
            .await?;
        Ok(wanted.url(&model.server()))
    }

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

    /// All of an update that users notice.
    async fn carry_out(
        &self,
        call: &Call,
        planned: &Object,
        files: &StateFiles<'_>,
        before: &State,
        next: Slot,
    ) -> Result<(), Fault> {
        let frozen = planned.bool("frozen")?;
        if frozen && (!before.frozen || before.draining) {
            files.set_draining(true).await?;
            // Nobody waits for what is known to come after his pause.
            let pause = parse_duration(planned.str("pause")?).unwrap_or_default();
            files.freeze(call.read_only.is_none_or(|time| time <= pause)).await?;
            self.drain(call, planned, before.live).await?;
            files.set_draining(false).await?;
        }
        // To freeze and to thaw must be possible where the site is not well: it may be the reason.
        let in_use = !frozen && !before.frozen;
        if next != before.live || in_use {
            self.wait(call, planned, next).await?;
        }
        if next != before.live {
            files.set_live(next).await?;
        }
        if !frozen && before.frozen {
            files.set_draining(false).await?;
            files.thaw().await?;
        }
        Ok(())
    }

    async fn drain(&self, call: &Call, planned: &Object, slot: Slot) -> Result<(), Fault> {
        let limit = parse_duration(planned.str("drain_timeout")?).unwrap_or(Duration::from_secs(30));
        drain::wait_until_idle(call, &self.0, planned.str("hostname")?, slot, limit).await
    }

    async fn wait(&self, call: &Call, planned: &Object, slot: Slot) -> Result<(), Fault> {
        let Some(socket) = self.0.place.probe_socket() else { return Ok(()) };
        let limit = planned.str("health_timeout")?;
        let question = Question {
            hostname: planned.str("hostname")?,
            slot,
            health_path: planned.opt_str("health_path")?,
            limit: parse_duration(limit).unwrap_or(Duration::from_secs(60)),
        };
        let socket = self.0.machine.socket(&socket.to_string_lossy()).await?;
        probe::wait_for_answer(call, &socket, &question).await
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
