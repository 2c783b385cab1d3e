use std::time::Duration;

use mprov_sdk::{Call, Fault};
use tokio::time::Instant;

use crate::health::{Health, health};
use crate::upgrade;
use crate::web::Web;

const POLL: Duration = Duration::from_millis(500);
/// A container that does not answer for so long is not starting: it does not run.
const SILENCE: Duration = Duration::from_secs(60);
/// From the end of an installation to the first page.
const AFTER_INSTALL: Duration = Duration::from_secs(120);

/// Waits until the web server's container answers and its database does, at most `limit`.
pub async fn until_reachable(web: &Web, call: &Call, limit: Duration) -> Result<Health, Fault> {
    let began = Instant::now();
    let mut answered = began;
    loop {
        let last = match health(web, call).await {
            Ok(health) if health.state.is_some() => return Ok(health),
            Ok(health) if health.is_because_of("config") => return Err(no_configuration(web)),
            Ok(health) => {
                answered = Instant::now();
                format!("The container answers; what is missing: {}.", health.why.join(", "))
            }
            Err(fault) if call.cancel.is_cancelled() => return Err(fault),
            Err(fault) => fault.to_string(),
        };
        if began.elapsed() >= limit || answered.elapsed() >= SILENCE {
            let waited = began.elapsed().as_secs();
            return Err(Fault::new(format!(
                "the database of the site in container {} was not reached within {waited} s",
                web.container
            ))
            .detail(format!(
                "{last} Look at `docker logs {}` and at the database's log; then apply again.",
                web.container
            )));
        }
        call.events.progress("Waiting for web server and database");
        pause(call, POLL).await?;
    }
}

/// Waits until the site serves users: everything the health command looks at, but for
/// maintenance, which somebody may want.
pub async fn until_healthy(web: &Web, call: &Call) -> Result<Health, Fault> {
    let began = Instant::now();
    loop {
        let health = health(web, call).await?;
        if health.ok {
            return Ok(health);
        }
        if let Some(fault) = lasting(web, &health) {
            return Err(fault);
        }
        if began.elapsed() >= AFTER_INSTALL {
            return Err(Fault::new(format!("the site in container {} is not healthy", web.container))
                .detail(format!(
                    "Installed, but: {}. Look at `docker logs {}`, then apply again.",
                    health.why.join(", "),
                    web.container
                )));
        }
        call.events.progress("Waiting for the site to be healthy");
        pause(call, POLL).await?;
    }
}

/// What no waiting changes.
fn lasting(web: &Web, health: &Health) -> Option<Fault> {
    if health.is_because_of("downgrade") {
        return Some(upgrade::downgrade(web, health));
    }
    health.is_because_of("upgrade_pending").then(|| upgrade::needed(web, health))
}

/// A moment between two questions, which ends early with the user's patience.
pub async fn pause(call: &Call, time: Duration) -> Result<(), Fault> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = call.cancel.cancelled() => Err(Fault::new("stopped waiting for the site")
            .detail("What runs in the container goes on. The next apply takes up from there.")),
    }
}

fn no_configuration(web: &Web) -> Fault {
    Fault::new(format!("container {} has no description of its site", web.container)).detail(
        "/etc/moodle/site.json is missing or not readable for the web server (root:33, mode 0640). It has to be \
         uploaded before the container starts, as the blueprint mprov:moodle/small does.",
    )
}
