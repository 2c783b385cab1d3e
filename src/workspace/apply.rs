use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Address, Diagnostics, Mode};
use mprov_state::{Header, Journal, Locked, Record, Rollout, StateError};

use super::{Planning, Workspace, stored, told};
use crate::engine::{Interruption, Ledger, Report, Run, recover, take_back};
use crate::plan::Sessions;

impl Workspace {
    /// Recovers an interrupted apply, if there is one: asks the providers about its steps in doubt
    /// and makes its journal the new state. Says whether there was one.
    pub async fn recover(&self, locked: &Locked) -> Result<bool, Diagnostics> {
        let Some(pending) = self.store.pending().map_err(told)? else { return Ok(false) };
        let Some(journal) = locked.resume().map_err(told)? else { return Ok(false) };
        let recorded = stored(Some(&pending.applied), &self.kinds, self.store.keys()).map_err(told)?;
        let sessions = Arc::new(Sessions::new(self.kinds.clone()));
        for (address, connection) in &recorded.connections {
            sessions.declare(address, connection.clone());
        }
        let ledger = self.ledger(journal, sessions);
        recover(&ledger, pending.in_doubt, &self.kinds).await?;
        self.take_back(&ledger).await?;
        self.fold(locked, ledger).map_err(told)?;
        Ok(true)
    }

    /// Takes back what an interrupted run did only in part and is wanted whole: users are on the
    /// generation again that they were on.
    async fn take_back(&self, ledger: &Ledger) -> Result<(), Diagnostics> {
        let Some(pending) = self.store.pending().map_err(told)? else { return Ok(()) };
        let Some(scope) = pending.scope else { return Ok(()) };
        take_back(ledger, scope, pending.next_step, &self.kinds).await?;
        let before = pending.base.map(|base| base.rollouts).unwrap_or_default();
        for (module, now) in &pending.applied.rollouts {
            let rollout = before.get(module).cloned().unwrap_or_default();
            let made = now.generations.iter().filter(|g| rollout.get(&g.id).is_none());
            for generation in made {
                let prefix = format!("{module}[\"{}\"].", generation.id);
                for address in pending.applied.resources.keys().filter(|a| a.starts_with(&prefix)) {
                    if self.is_value(address) {
                        let record = Record::Observed { address: address.clone(), instance: None };
                        ledger.journal.append(record).await.map_err(told)?;
                    }
                }
            }
            let rollout = Rollout { last: now.last, ..rollout };
            let record = Record::Rollout { module: module.clone(), rollout };
            ledger.journal.append(record).await.map_err(told)?;
        }
        Ok(())
    }

    fn is_value(&self, address: &str) -> bool {
        let address = address.parse::<Address>().ok();
        let kind = address.and_then(|a| self.kinds.get(Mode::Managed, &a.resource.kind));
        kind.is_some_and(|kind| kind.schema.is_value)
    }

    /// Carries a plan out and makes what was done the new state. After an abandoned run the
    /// journal stays, for the next command to recover.
    pub async fn apply(
        &self,
        locked: &Locked,
        planning: Planning,
        keep_failed: bool,
    ) -> Result<Report, Diagnostics> {
        let Planning { plan, resolver, sessions, stored, .. } = planning;
        // What the configuration leaves to the world is no reason to write a new state.
        if plan.is_empty() && plan.drift.is_empty() {
            return Ok(Report::default());
        }
        let header = Header::new(
            env!("CARGO_PKG_VERSION"),
            plan.base.configuration.clone(),
            self.surroundings.holder.clone(),
        );
        let journal = locked.begin(header).map_err(told)?;
        let ledger = Arc::new(self.ledger(journal, sessions));
        let run = Run {
            plan,
            stored,
            kinds: self.kinds.clone(),
            resolver,
            ledger,
            parallelism: self.surroundings.parallelism,
            stop: self.surroundings.stop.clone(),
            rollouts: self.rollouts()?,
            keep_failed,
            clock: self.surroundings.clock.clone(),
        };
        let (report, ledger) = run.carry_out().await.map_err(told)?;
        if report.interruption == Some(Interruption::Abandoned) {
            return Ok(report);
        }
        let ledger = Arc::into_inner(ledger).expect("no step runs any more");
        let end = Record::End { ok: report.is_success() };
        ledger.journal.append(end).await.map_err(told)?;
        self.fold(locked, ledger).map_err(told)?;
        Ok(report)
    }

    /// Generations as they are recorded.
    fn rollouts(&self) -> Result<BTreeMap<String, Rollout>, Diagnostics> {
        let state = self.store.state().map_err(told)?;
        Ok(state.map(|state| state.rollouts).unwrap_or_default())
    }

    fn fold(&self, locked: &Locked, ledger: Ledger) -> Result<(), StateError> {
        locked.fold(ledger.journal).map(drop)
    }

    fn ledger(&self, journal: Journal, sessions: Arc<Sessions>) -> Ledger {
        Ledger {
            journal,
            seal: Arc::new(self.store.keys().clone()),
            sessions,
            observer: self.surroundings.observer.clone(),
            base_dir: self.surroundings.dir.clone(),
            abandon: self.surroundings.stop.now.clone(),
        }
    }
}
