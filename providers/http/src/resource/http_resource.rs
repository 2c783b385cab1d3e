use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Event, Events, Fault, Object, Resource, Value};

use super::birth::Birth;
use super::change::update;
use super::description::Read;
use super::doubt::is_in_doubt;
use super::ending::{delete, remains};
use super::observation::{look, observed};
use crate::redaction::Redaction;
use crate::session::Connection;
use crate::template::Fill;
use crate::trouble::Trouble;

pub struct HttpResource {
    pub connection: Arc<Connection>,
}

#[async_trait]
impl Resource for HttpResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        // What is in doubt cannot be asked for, and of what was just imported nothing is known but
        // its id.
        let Some(read) = stored.object("read")?.filter(|_| !is_in_doubt(stored)) else {
            return Ok(Some(stored.clone()));
        };
        let (call, secrets) = self.quiet(call, [stored]);
        let told = |fault| self.redacted(fault, &secrets);
        let read = Read::parse(read).map_err(told)?;
        let fill = Fill { id: Some(stored.str("id")?), token: stored.opt_str("token")? };
        let view = look(&self.connection, &call, &read, &fill).await.map_err(Trouble::fault).map_err(told)?;
        view.map(|view| observed(stored, &view, &secrets)).transpose()
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let (call, secrets) = self.quiet(call, [planned]);
        let made = Birth::new(&self.connection, &call, planned, &secrets)?.create().await;
        made.map_err(|fault| self.redacted(fault, &secrets))
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let (call, secrets) = self.quiet(call, [prior, planned]);
        let changed = update(&self.connection, &call, prior, planned, &secrets).await;
        changed.map_err(|fault| self.redacted(fault, &secrets))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let (call, secrets) = self.quiet(call, [prior]);
        delete(&self.connection, &call, prior).await.map_err(|fault| self.redacted(fault, &secrets))
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let (call, secrets) = self.quiet(call, [planned]);
        let found = Birth::new(&self.connection, &call, planned, &secrets)?.find().await;
        found.map_err(|fault| self.redacted(fault, &secrets))
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        if is_in_doubt(prior) {
            return Ok(Some(prior.clone()));
        }
        let (call, secrets) = self.quiet(call, [prior]);
        let remains = remains(&self.connection, &call, prior).await;
        Ok(remains.map_err(|fault| self.redacted(fault, &secrets))?.then(|| prior.clone()))
    }

    /// Only the id: the requests are the configuration's, and the next plan brings both together.
    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        if id.is_empty() {
            return Err(Fault::new("an empty id names nothing"));
        }
        Ok(Object::new().with("id", id).with("output", Value::Null).with("ready", true))
    }
}

impl HttpResource {
    /// The call with events that tell no secrets, and the secrets.
    fn quiet<const N: usize>(&self, call: &Call, instances: [&Object; N]) -> (Call, Redaction) {
        let own = Redaction::of(instances.into_iter().flat_map(Object::values));
        let secrets = self.connection.secrets().and(&own);
        let events = Arc::new(Quiet { events: call.events.clone(), secrets: secrets.clone() });
        (Call { events, ..call.clone() }, secrets)
    }

    /// With the tokens that were fetched meanwhile.
    fn redacted(&self, fault: Fault, secrets: &Redaction) -> Fault {
        self.connection.secrets().and(secrets).fault(fault)
    }
}

/// Events without secrets.
struct Quiet {
    events: Arc<dyn Events>,
    secrets: Redaction,
}

impl Events for Quiet {
    fn emit(&self, event: Event) {
        self.events.emit(match event {
            Event::Progress(mut progress) => {
                progress.message = self.secrets.text(&progress.message);
                Event::Progress(progress)
            }
            Event::Log(line) => Event::Log(self.secrets.text(&line)),
        });
    }
}
