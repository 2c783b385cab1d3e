use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{Call, DataSource, Fault, Object, Resource, Session, Value};

use crate::lookup::Lookup;
use crate::provider::milliseconds;
use crate::resource::{SimResource, Substance};
use crate::world::World;

/// A configured provider: a world and the way it answers.
#[derive(Clone)]
pub struct SimSession {
    pub world: PathBuf,
    pub latency: Duration,
    pub honours_tokens: bool,
    pub endpoint: Option<String>,
    pub required_token: Value,
}

impl Session for SimSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let substance = match kind {
            "sim_resource" => Substance::Thing("sim_resource"),
            "sim_database" => Substance::Thing("sim_database"),
            "sim_gate" => Substance::Thing("sim_gate"),
            "sim_endpoint" => Substance::Endpoint,
            _ => return None,
        };
        Some(Arc::new(SimResource { session: self.clone(), substance }))
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        (kind == "sim_lookup").then(|| Arc::new(Lookup { session: self.clone() }) as Arc<dyn DataSource>)
    }
}

impl SimSession {
    /// The world, after half of the time that the call takes; [`SimSession::answer`] takes the
    /// other half, so a kill can hit before and after the effect.
    pub async fn send(&self, call: &Call, instance: &Object) -> Result<World, Fault> {
        let pause = (self.latency + milliseconds(instance)?) / 2;
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = call.cancel.cancelled() => return Err(Fault::new("cancelled before it was sent")),
            }
        }
        let world = World::open(call.base_dir.join(&self.world));
        self.check_endpoint(&world)?;
        Ok(world)
    }

    /// The second half of the call: its effect is there, so it is not cut short.
    pub async fn answer(&self, instance: &Object) -> Result<(), Fault> {
        let pause = (self.latency + milliseconds(instance)?) / 2;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    fn check_endpoint(&self, world: &World) -> Result<(), Fault> {
        let Some(url) = self.endpoint.as_deref() else { return Ok(()) };
        let Some(rest) = url.strip_prefix("sim://") else { return Ok(()) };
        let id = rest.split(':').next().unwrap_or(rest);
        let server = world.object(id).map_err(|e| broken_world(world, &e))?;
        let Some(server) = server.filter(|s| s.attributes.get("url").and_then(|u| u.as_str()) == Some(url))
        else {
            return Err(Fault::new(format!("nothing answers at {url}"))
                .detail("There is no sim_endpoint with that url in the world."));
        };
        let token = server.attributes.get("token").and_then(|t| t.as_str());
        match self.required_token.as_str() == token {
            true => Ok(()),
            false => Err(Fault::new(format!("{url} refuses the token"))
                .detail("required_token has to be the token of the sim_endpoint.")),
        }
    }
}

pub fn broken_world(world: &World, error: &io::Error) -> Fault {
    Fault::new(format!("the simulated world in {} is broken", world.folder().display()))
        .detail(format!("{error}. Repair or remove the file that does not fit."))
}
