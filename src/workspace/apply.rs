use std::sync::Arc;

use mprov_sdk::Diagnostics;
use mprov_state::{Header, Journal, Locked, Record, StateError};

use super::{Planning, Workspace, stored, told};
use crate::engine::{Interruption, Ledger, Report, Run, recover};
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
        self.fold(locked, ledger).map_err(told)?;
        Ok(true)
    }

    /// Carries a plan out and makes what was done the new state. After an abandoned run the
    /// journal stays, for the next command to recover.
    pub async fn apply(&self, locked: &Locked, planning: Planning) -> Result<Report, Diagnostics> {
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
