use std::sync::Arc;

use mprov_sdk::{Address, Call, Fault, Mode, Usage, Written};
use mprov_state::State;

use super::{Planning, Workspace};
use crate::plan::{Sessions, Stored, Turn, relay};

/// What users have written to one instance since they were switched to its generation.
#[derive(Debug)]
pub struct Counted {
    pub address: String,
    /// When users were switched; RFC 3339, UTC.
    pub since: String,
    /// Why it cannot be told where it cannot.
    pub written: Result<Vec<Written>, Fault>,
}

impl Counted {
    /// What cannot be counted may be there.
    pub fn may_be_lost(&self) -> bool {
        match &self.written {
            Ok(written) => written.iter().any(|w| w.count > 0),
            Err(_) => true,
        }
    }
}

/// One generation, for a list.
#[derive(Debug)]
pub struct GenerationRow {
    pub module: String,
    pub id: String,
    pub role: &'static str,
    pub unfinished: bool,
    /// The values of the inputs that make generations, but secrets.
    pub inputs: Vec<(String, String)>,
    pub made: String,
    pub switched: Option<String>,
    /// Of all its data; none where it holds none or cannot be asked.
    pub usage: Option<Usage>,
}

impl Workspace {
    /// Counts what a rollback would take out of the users' sight.
    pub async fn written_since_switch(&self, planning: &Planning) -> Vec<Counted> {
        let mut counted = Vec::new();
        for rollout in &planning.plan.rollouts {
            let Turn::Rollback { from, .. } = &rollout.turn else { continue };
            let generation = planning.stored.rollouts.get(&rollout.module).and_then(|r| r.get(from));
            let Some(since) = generation.and_then(|g| g.switched.clone()) else { continue };
            let prefix = format!("{}[\"{from}\"].", rollout.module);
            for (address, instance) in &planning.stored.instances {
                let kind = self.kinds.get(Mode::Managed, &address.resource.kind);
                let counts = kind.is_some_and(|k| k.schema.counts_writes);
                if !counts || !address.to_string().starts_with(&prefix) {
                    continue;
                }
                let written = async {
                    let session = planning.sessions.get(&instance.provider).await?;
                    let Some(resource) = session.resource(&address.resource.kind) else {
                        return Err(Fault::new("its provider does not offer its type"));
                    };
                    resource.written_since(&self.looking_call(address), &instance.attributes, &since).await
                };
                let written = written.await;
                counted.push(Counted { address: address.to_string(), since: since.clone(), written });
            }
        }
        counted
    }

    /// All generations, or those of one module, with the room that their data takes.
    pub async fn generations(
        &self,
        state: &State,
        stored: &Stored,
        module: Option<&str>,
    ) -> Vec<GenerationRow> {
        let sessions = Arc::new(Sessions::new(self.kinds.clone()));
        for (address, connection) in &stored.connections {
            sessions.declare(address, connection.clone());
        }
        let mut rows = Vec::new();
        let chosen = state.rollouts.iter().filter(|(name, _)| module.is_none_or(|m| m == *name));
        for (name, rollout) in chosen {
            for generation in &rollout.generations {
                let inputs = stored.rollouts[name].get(&generation.id).map(|g| g.inputs.clone());
                let shown = inputs.iter().flat_map(|inputs| inputs.iter()).map(|(name, value)| {
                    let text = match value.contains_sensitive() {
                        true => "(sensitive value)".to_owned(),
                        false => value.as_str().map_or_else(|| "…".to_owned(), str::to_owned),
                    };
                    (name.to_string(), text)
                });
                rows.push(GenerationRow {
                    module: name.clone(),
                    id: generation.id.clone(),
                    role: generation.role.name(),
                    unfinished: generation.unfinished,
                    inputs: shown.collect(),
                    made: generation.made.clone(),
                    switched: generation.switched.clone(),
                    usage: self.usage(&sessions, stored, &format!("{name}[\"{}\"].", generation.id)).await,
                });
            }
        }
        rows
    }

    async fn usage(&self, sessions: &Sessions, stored: &Stored, prefix: &str) -> Option<Usage> {
        let mut sum: Option<Usage> = None;
        for (address, instance) in &stored.instances {
            let kind = self.kinds.get(Mode::Managed, &address.resource.kind);
            let holds = kind.is_some_and(|k| k.schema.holds_data.is_some());
            if !holds || !address.to_string().starts_with(prefix) {
                continue;
            }
            let Ok(session) = sessions.get(&instance.provider).await else { continue };
            let Some(resource) = session.resource(&address.resource.kind) else { continue };
            let used = resource.usage(&self.looking_call(address), &instance.attributes).await;
            let Ok(Some(used)) = used else { continue };
            sum = Some(match sum {
                None => used,
                Some(before) => Usage {
                    total: before.total + used.total,
                    unique: before.unique.zip(used.unique).map(|(a, b)| a + b),
                },
            });
        }
        sum
    }

    fn looking_call(&self, address: &Address) -> Call {
        Call {
            address: address.to_string().into(),
            token: "".into(),
            base_dir: self.surroundings.dir.clone(),
            events: relay(self.surroundings.observer.clone(), address),
            cancel: self.surroundings.stop.now.clone(),
            read_only: None,
        }
    }
}
