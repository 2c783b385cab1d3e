use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type};
use tokio::time::Instant;

use crate::connections::{Connection, connections};
use crate::duration;
use crate::ready::pause;
use crate::session::Sites;
use crate::validation::{container, time};
use crate::web::Web;

pub const KIND: &str = "moodle_drain";

/// How many of the connections that are left a fault names.
const NAMED: usize = 10;
const POLL: Duration = Duration::from_millis(200);

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "That no request or task of the site works on its database any more. It waits for them and ends none: new \
         ones have to be kept out before, at the proxy and by stopping cron.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            (
                "drained",
                Attribute::required(
                    Type::Bool,
                    "True: wait until the site's user has no connection to the database. False: nothing.",
                ),
            ),
            ("timeout", Attribute::optional(Type::String, "How long to wait.").default("120s")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    time(&mut found, config, "timeout");
    found
}

pub struct DrainResource(pub Sites);

#[async_trait]
impl Resource for DrainResource {
    /// It says what was waited for, not what is: with the first request that is let in again
    /// nothing is drained, and nothing has to be done about it.
    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        Ok(Some(stored.clone()))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        if planned.bool("drained")? {
            drain(&self.0.web(planned)?, call, limit(planned)).await?;
        }
        Ok(planned.clone())
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let begins =
            !prior["drained"].same(&planned["drained"]) || prior["container"] != planned["container"];
        if begins && planned.bool("drained")? {
            drain(&self.0.web(planned)?, call, limit(planned)).await?;
        }
        Ok(planned.clone())
    }

    async fn delete(&self, _call: &Call, _prior: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// None: a create waits again, which costs a moment.
    async fn find(&self, _call: &Call, _planned: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

fn limit(planned: &Object) -> Duration {
    let text = planned["timeout"].as_str().unwrap_or_default();
    duration::parse(text).unwrap_or(Duration::from_secs(120))
}

/// Waits until nothing is connected. Nothing is where the web server is stopped or gone, as that of
/// a generation that users were switched away from because it broke. A database that refuses us for now (it has too many
/// connections) is asked again.
async fn drain(web: &Web, call: &Call, limit: Duration) -> Result<(), Fault> {
    let began = Instant::now();
    if !web.runs().await? {
        return Ok(());
    }
    loop {
        let seen = connections(web, call).await;
        match &seen {
            Ok(left) if left.is_empty() => return Ok(()),
            Err(fault) if call.cancel.is_cancelled() => return Err(fault.clone()),
            Ok(left) => call.events.progress(&format!("Waiting for {} to end", counted(left.len()))),
            Err(_) => call.events.progress("Waiting for the database to answer"),
        }
        if began.elapsed() >= limit {
            return Err(match seen {
                Ok(left) => too_long(web, &left, limit),
                Err(fault) => fault,
            });
        }
        pause(call, POLL).await?;
    }
}

fn too_long(web: &Web, left: &[Connection], limit: Duration) -> Fault {
    let count = left.len();
    let mut shown: Vec<String> = left.iter().take(NAMED).map(Connection::to_string).collect();
    if count > NAMED {
        shown.push(format!("and {} more", count - NAMED));
    }
    let summary = format!("{} to the database of container {} did not end", counted(count), web.container);
    Fault::new(summary).detail(format!(
        "Waited for {} s. Left: {}. Whoever holds them may still write: let it finish, or stop it (`docker top {}`, \
         and cron's container), then apply again; \"timeout\" says how long to wait.",
        limit.as_secs(),
        shown.join("; "),
        web.container
    ))
}

fn counted(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} connection{plural}")
}
