use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mprov_sdk::Address;
use mprov_state::{Record, Rollout, Scope, StateError};

use super::call::Task;
use super::generations::{Ending, ended, switched};
use super::report::Interruption;
use super::run::{Progress, Run};
use crate::plan::{Action, Phase, PlanMode, RolloutPlan, Turn};

/// What a run does about generations and atomic scopes.
impl Run {
    /// Values are no part of it: there is nothing outside to be taken back.
    pub(super) fn scope(&self) -> Scope {
        let in_scope = |step: &crate::plan::Step| {
            let kind = self.kinds.get(step.address.resource.mode, &step.address.resource.kind);
            step.atomic && step.action != Action::Read && kind.is_some_and(|k| !k.schema.is_value)
        };
        let steps = self.plan.steps.iter().enumerate().filter(|(_, s)| in_scope(s));
        let quiesce = steps.clone().filter(|(_, s)| s.phase == Some(Phase::Quiesce));
        Scope {
            quiesce: quiesce.map(|(i, _)| i as u32).collect(),
            steps: steps.map(|(i, _)| i as u32).collect(),
        }
    }

    pub(super) async fn put_rollout(&mut self, module: &str, rollout: Rollout) -> Result<(), StateError> {
        if self.rollouts.get(module) == Some(&rollout) {
            return Ok(());
        }
        self.rollouts.insert(module.to_owned(), rollout.clone());
        self.ledger.journal.append(Record::Rollout { module: module.to_owned(), rollout }).await
    }

    /// Stopped between steps of which all or none are wanted.
    pub(super) fn is_cut_short(&self, progress: &Progress) -> bool {
        progress.report.interruption == Some(Interruption::Stopped)
            && self.plan.steps.iter().zip(&progress.begun).any(|(step, begun)| step.atomic && !begun)
    }

    /// What the generations are at the end.
    pub(super) async fn write_down_generations(
        &mut self,
        progress: &Progress,
        undone: bool,
    ) -> Result<(), StateError> {
        if self.plan.mode == PlanMode::Destroy {
            let modules: Vec<String> = self.rollouts.keys().cloned().collect();
            for module in modules.iter().filter(|_| progress.report.is_success()) {
                self.put_rollout(module, Rollout::default()).await?;
            }
            return Ok(());
        }
        let now = (self.clock)();
        for index in 0..self.plan.rollouts.len() {
            let rollout = self.plan.rollouts[index].clone();
            let mut current = self.rollouts.get(&rollout.module).cloned().unwrap_or_default();
            let made = rollout.turn.made().map(|(id, _)| id.to_owned());
            if undone {
                if progress.report.restored && !self.keep_failed {
                    current.generations.retain(|g| Some(&g.id) != made.as_ref() || !g.unfinished);
                }
                self.put_rollout(&rollout.module, current).await?;
                continue;
            }
            let record = self.resolver.generation(&rollout);
            let complete = progress.report.is_success();
            if complete && !progress.committed {
                current = switched(&current, &rollout, record.as_ref(), &now, &*self.ledger.seal)?;
            }
            let prefix = format!("{}[\"{}\"].", rollout.module, made.unwrap_or_default());
            let inside = progress.durations.iter().filter_map(|(address, time)| {
                Some((address.strip_prefix(&prefix)?.to_owned(), time.as_millis() as u64))
            });
            let ending = Ending {
                record: record.as_ref(),
                complete,
                whole: self.is_whole(&rollout, progress),
                gone: self.gone(&rollout.module, &rollout.prune, &progress.deleted),
                durations: inside.collect(),
                now: &now,
            };
            let next = ended(&current, &rollout, ending, &self.kinds, &*self.ledger.seal)?;
            self.put_rollout(&rollout.module, next).await?;
        }
        Ok(())
    }

    /// Whether every step inside of the generation that the plan is about was done.
    fn is_whole(&self, rollout: &RolloutPlan, progress: &Progress) -> bool {
        let Some(id) = rollout.turn.evaluated() else { return false };
        let prefix = format!("{}[\"{id}\"].", rollout.module);
        let mut inside = self.plan.steps.iter().map(|s| s.address.to_string());
        inside.all(|address| {
            let done = progress.durations.contains_key(&address) || progress.deleted.contains(&address);
            done || !address.starts_with(&prefix)
        })
    }

    /// Of these generations, those of which every instance is deleted.
    fn gone(&self, module: &str, prune: &[String], deleted: &BTreeSet<String>) -> Vec<String> {
        let is_gone = |id: &&String| {
            let prefix = format!("{module}[\"{id}\"].");
            let mut there = self.stored.instances.keys().map(Address::to_string);
            there.all(|address| !address.starts_with(&prefix) || deleted.contains(&address))
        };
        prune.iter().filter(is_gone).cloned().collect()
    }

    /// What the generations are when users are switched by a step of this plan.
    pub(super) fn commits(&mut self) -> Result<BTreeMap<String, Rollout>, StateError> {
        let mut commits = BTreeMap::new();
        for index in 0..self.plan.rollouts.len() {
            let rollout = self.plan.rollouts[index].clone();
            if !matches!(rollout.turn, Turn::CutOver { .. } | Turn::Rollback { .. }) {
                continue;
            }
            let record = self.resolver.generation(&rollout);
            let current = self.rollouts.get(&rollout.module).cloned().unwrap_or_default();
            let next = switched(&current, &rollout, record.as_ref(), &(self.clock)(), &*self.ledger.seal)?;
            commits.insert(rollout.module, next);
        }
        Ok(commits)
    }

    pub(super) fn note_done(
        &mut self,
        index: usize,
        task: &Task,
        elapsed: Duration,
        progress: &mut Progress,
    ) {
        let address = task.address.to_string();
        match task.action {
            Action::Delete => drop(progress.deleted.insert(address)),
            _ => drop(progress.durations.insert(address, elapsed)),
        }
        match self.plan.steps[index].phase {
            Some(Phase::Quiesce) if progress.frozen.is_none() => progress.frozen = Some(Instant::now()),
            Some(Phase::Switch) => {
                progress.committed = true;
                progress.report.switched = true;
                progress.report.read_only = progress.frozen.map(|frozen| frozen.elapsed());
                self.rollouts.extend(task.commits.clone());
            }
            _ => {}
        }
    }
}
