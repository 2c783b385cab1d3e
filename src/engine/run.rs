use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mprov_sdk::{Address, CancellationToken, Diagnostic, Diagnostics, Object};
use mprov_state::{RawJson, Record, Rollout, Slot, StateError, StoredInstance, StoredOutput, StoredProvider};

use super::call::{Ledger, Task, TaskError};
use super::generations::begun;
use super::report::{Interruption, Report};
use super::undo::{Done, undo};
use crate::graph::{Dag, NodeId, Ready};
use crate::plan::{
    Action, Activity, Kinds, Outcome, Phase, Plan, PlanMode, Replacement, Resolver, RolloutPlan, RunEvent,
    Stored, fault_diagnostic,
};

/// How a run is asked to end early.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Running steps are finished, no more are begun.
    pub gently: CancellationToken,
    /// Running steps are not waited for.
    pub now: CancellationToken,
}

/// One apply of a plan.
pub struct Run {
    pub plan: Plan,
    pub stored: Stored,
    pub kinds: Arc<Kinds>,
    pub resolver: Resolver,
    pub ledger: Arc<Ledger>,
    pub parallelism: usize,
    pub stop: Stop,
    /// Generations as they are recorded, by the module's address.
    pub rollouts: BTreeMap<String, Rollout>,
    /// What a failed cut-over or rehearsal has made is kept for looking at.
    pub keep_failed: bool,
    /// The time now: RFC 3339, UTC.
    pub clock: Arc<dyn Fn() -> String + Send + Sync>,
}

struct Finished {
    index: usize,
    task: Task,
    result: Result<Option<Object>, TaskError>,
    elapsed: Duration,
}

pub(super) struct Progress {
    pub(super) report: Report,
    pub(super) done: Vec<Done>,
    /// Provider configurations that are declared and written down.
    pub(super) connected: HashSet<String>,
    pub(super) atomic_failure: bool,
    /// Users were switched: nothing is undone any more.
    pub(super) committed: bool,
    /// When users were kept out.
    pub(super) frozen: Option<Instant>,
    pub(super) durations: BTreeMap<String, Duration>,
    pub(super) deleted: BTreeSet<String>,
    pub(super) next_number: u32,
    /// By step: whether it was begun, or failed before it could be.
    pub(super) begun: Vec<bool>,
}

impl Run {
    /// Carries the plan out. An error means that the journal cannot be written any more; what was
    /// done until then is in it.
    pub async fn carry_out(mut self) -> Result<(Report, Arc<Ledger>), StateError> {
        let mut progress = Progress {
            report: Report::default(),
            done: Vec::new(),
            connected: HashSet::new(),
            atomic_failure: false,
            committed: false,
            frozen: None,
            durations: BTreeMap::new(),
            deleted: BTreeSet::new(),
            next_number: self.plan.steps.len() as u32,
            begun: vec![false; self.plan.steps.len()],
        };
        self.ledger.observer.event(&RunEvent::Planned { steps: self.plan.steps.len() });
        self.write_down_beforehand().await?;
        self.walk(&mut progress).await?;
        let abandoned = progress.report.interruption == Some(Interruption::Abandoned);
        let must_undo = !progress.committed && (progress.atomic_failure || self.is_cut_short(&progress));
        if must_undo && !abandoned {
            let mut done = std::mem::take(&mut progress.done);
            if self.keep_failed {
                done.retain(|d| d.quiesces);
            }
            undo(&self.ledger, &mut progress.report, &mut progress.next_number, done).await?;
        }
        if progress.report.interruption != Some(Interruption::Abandoned) {
            self.write_down_generations(&progress, must_undo).await?;
            self.write_down_outputs(&progress.report).await?;
        }
        Ok((progress.report, self.ledger))
    }

    /// What needs no provider: new addresses and observed attributes.
    async fn write_down_beforehand(&mut self) -> Result<(), StateError> {
        let journal = &self.ledger.journal;
        for (from, to) in &self.plan.moves {
            journal.append(Record::Moved { from: from.to_string(), to: to.to_string() }).await?;
        }
        for refreshed in &self.plan.refreshed {
            let address = refreshed.address.to_string();
            let instance = match &refreshed.attributes {
                Some(attributes) => match self.observed_instance(&refreshed.address, attributes)? {
                    Some(instance) => Some(instance),
                    None => continue,
                },
                None => None,
            };
            journal.append(Record::Observed { address, instance }).await?;
        }
        for index in 0..self.plan.rollouts.len() {
            let rollout = self.plan.rollouts[index].clone();
            let record = self.resolver.generation(&rollout);
            let before = self.rollouts.get(&rollout.module).cloned().unwrap_or_default();
            let next = begun(&before, &rollout, record.as_ref(), &(self.clock)(), &*self.ledger.seal)?;
            self.put_rollout(&rollout.module, next).await?;
        }
        let scope = self.scope();
        if !scope.steps.is_empty() {
            self.ledger.journal.append(Record::Scope(scope)).await?;
        }
        Ok(())
    }

    fn observed_instance(
        &self,
        address: &Address,
        attributes: &Object,
    ) -> Result<Option<StoredInstance>, StateError> {
        let kind = self.kinds.get(address.resource.mode, &address.resource.kind);
        let stored = self.stored.instances.get(address);
        let (Some(kind), Some(stored)) = (kind, stored) else { return Ok(None) };
        let raw = RawJson::encode_object(attributes, &kind.ty, &*self.ledger.seal)?;
        Ok(Some(StoredInstance {
            dependencies: stored.dependencies.clone(),
            tainted: stored.tainted,
            create_before_destroy: stored.create_before_destroy,
            prevent_destroy: stored.prevent_destroy,
            ..StoredInstance::new(&*stored.provider, kind.schema.version, raw)
        }))
    }

    async fn write_down_outputs(&self, report: &Report) -> Result<(), StateError> {
        let outputs = match self.plan.mode {
            PlanMode::Destroy if report.is_success() => Some(BTreeMap::new()),
            PlanMode::Destroy | PlanMode::Rehearse | PlanMode::Recorded => None,
            PlanMode::Normal => self.resolver.outputs(),
        };
        let Some(outputs) = outputs else { return Ok(()) };
        let unchanged = outputs.len() == self.stored.outputs.len()
            && outputs.iter().all(|(name, value)| self.stored.outputs.get(name) == Some(value));
        if unchanged {
            return Ok(());
        }
        let mut encoded = BTreeMap::new();
        for (name, value) in outputs {
            let sensitive = value.contains_sensitive();
            let value = RawJson::encode_value(&value, &*self.ledger.seal)?;
            encoded.insert(name.to_string(), StoredOutput { value, sensitive });
        }
        self.ledger.journal.append(Record::Outputs(encoded)).await
    }

    async fn walk(&mut self, progress: &mut Progress) -> Result<(), StateError> {
        let dag = dag(&self.plan);
        let deposed = deposed_keys(&self.plan);
        let (mut queue, mut ready) = Ready::new(&dag);
        // Popped from the end: earlier addresses first.
        ready.reverse();
        let mut running = FuturesUnordered::new();
        let mut stopping = false;
        loop {
            while !stopping && running.len() < self.parallelism.max(1) {
                let Some(id) = ready.pop() else { break };
                let is_step = id.index() < self.plan.steps.len();
                // It would only have to be taken back.
                let pointless = progress.atomic_failure && !progress.committed;
                if is_step && pointless && self.plan.steps[id.index()].atomic {
                    continue;
                }
                if id.index() >= self.plan.steps.len() {
                    queue.done(&dag, id, &mut ready);
                    continue;
                }
                progress.begun[id.index()] = true;
                let task = match self.task(id.index(), &deposed, progress) {
                    Ok(task) => task,
                    Err(failed) => {
                        self.note_failure(progress, id.index(), failed);
                        continue;
                    }
                };
                running.push(self.start(id.index(), task));
            }
            if running.is_empty() {
                break;
            }
            let finished = tokio::select! {
                finished = running.next() => finished,
                () = self.stop.gently.cancelled(), if !stopping => {
                    stopping = true;
                    progress.report.interruption = Some(Interruption::Stopped);
                    self.ledger.observer.event(&RunEvent::Stopping { running: running.len() });
                    continue;
                }
            };
            let Some(finished) = finished else { break };
            let index = finished.index;
            if self.finish(finished, progress)? {
                queue.done(&dag, NodeId(index as u32), &mut ready);
            }
        }
        for (step, _) in self.plan.steps.iter().zip(&progress.begun).filter(|(_, begun)| !**begun) {
            progress.report.skipped += 1;
            self.ledger.observer.event(&RunEvent::Skipped { address: step.address.to_string() });
        }
        if progress.report.interruption == Some(Interruption::Stopped) && progress.report.skipped == 0 {
            progress.report.interruption = None;
        }
        Ok(())
    }

    /// Everything a step needs, now that what it depends on is done.
    fn task(
        &mut self,
        index: usize,
        deposed: &HashMap<Address, String>,
        progress: &mut Progress,
    ) -> Result<Task, Diagnostics> {
        let step = &self.plan.steps[index];
        let kind = self
            .kinds
            .get(step.address.resource.mode, &step.address.resource.kind)
            .ok_or_else(|| {
                Diagnostic::error(2030, format!("no provider knows the type of {}", step.address))
            })?
            .clone();
        let desired = match step.action {
            Action::Delete => None,
            _ => Some(self.resolver.desired(step)?),
        };
        let slot = match (&step.deposed, step.replacement, step.action) {
            (Some(key), _, _) => Slot::Deposed(key.clone()),
            (None, Some(Replacement::CreateFirst), Action::Create) => {
                Slot::Depose(deposed[&step.address].clone())
            }
            (None, Some(Replacement::CreateFirst), Action::Delete) => {
                Slot::Deposed(deposed[&step.address].clone())
            }
            _ => Slot::Current,
        };
        let phase = step.phase;
        let mut task = Task::of_step(index as u32, step, kind, slot, desired);
        if phase == Some(Phase::Switch) {
            task.commits = self.commits().map_err(|e| Diagnostics::from(Diagnostic::from(e)))?;
        }
        if phase == Some(Phase::Quiesce) {
            let address = task.address.to_string();
            let outside = |r: &&RolloutPlan| r.outside.contains(&address);
            task.read_only = self.plan.rollouts.iter().filter(outside).filter_map(|r| r.predicted).max();
        }
        let provider = task.provider.clone();
        self.connect(&provider, progress)?;
        Ok(task)
    }

    /// Declares a provider configuration and what it uses, and writes down how they connect.
    fn connect(&mut self, address: &str, progress: &mut Progress) -> Result<(), Diagnostics> {
        if !progress.connected.insert(address.to_owned()) {
            return Ok(());
        }
        let connection = match self.plan.mode {
            PlanMode::Normal | PlanMode::Rehearse => self.resolver.connection(address)?,
            PlanMode::Destroy | PlanMode::Recorded => None,
        };
        // What is not in the configuration any more connects as it did last.
        let Some(connection) = connection.or_else(|| self.stored.connections.get(address).cloned()) else {
            return Ok(());
        };
        for used in &connection.uses {
            self.connect(used, progress)?;
        }
        self.ledger.sessions.declare(address, connection.clone());
        let Some(provider) = self.kinds.provider(&connection.provider) else { return Ok(()) };
        let ty = provider.schema().config.ty();
        let config = RawJson::encode_object(&connection.config, &ty, &*self.ledger.seal)
            .map_err(|e| Diagnostics::from(Diagnostic::from(StateError::from(e))))?;
        let provider = StoredProvider { name: connection.provider, config, uses: connection.uses };
        // Durable before the first intention of that provider, since records keep their order.
        drop(self.ledger.journal.append(Record::Provider { address: address.to_owned(), provider }));
        Ok(())
    }

    fn start(&self, index: usize, task: Task) -> impl Future<Output = Finished> + use<> {
        let ledger = self.ledger.clone();
        async move {
            let started = Instant::now();
            let address = task.address.to_string();
            ledger.observer.event(&RunEvent::Started { address, activity: activity(task.action) });
            let result = ledger.carry_out(&task).await;
            Finished { index, task, result, elapsed: started.elapsed() }
        }
    }

    /// Takes a finished step over. True if what depends on it may go on.
    fn finish(&mut self, finished: Finished, progress: &mut Progress) -> Result<bool, StateError> {
        let Finished { index, task, result, elapsed } = finished;
        let address = task.address.to_string();
        let activity = activity(task.action);
        let tell = |outcome, id| {
            let event = RunEvent::Finished { address: address.clone(), activity, outcome, elapsed, id };
            self.ledger.observer.event(&event);
        };
        let failed: Diagnostics = match result {
            Ok(attributes) => {
                let id = attributes.as_ref().and_then(shown_id);
                tell(Outcome::Done, id);
                progress.report.count(task.action);
                self.note_done(index, &task, elapsed, progress);
                let recorded = match &attributes {
                    Some(attributes) => self.resolver.record(&task.address, attributes.clone()),
                    None => Ok(()),
                };
                if self.plan.steps[index].atomic {
                    let quiesces = self.plan.steps[index].phase == Some(Phase::Quiesce);
                    progress.done.push(Done { task, attributes, quiesces });
                }
                match recorded {
                    Ok(()) => return Ok(true),
                    Err(diagnostics) => diagnostics,
                }
            }
            Err(TaskError::State(error)) => return Err(error),
            Err(TaskError::Abandoned) => {
                tell(Outcome::Abandoned, None);
                progress.report.interruption = Some(Interruption::Abandoned);
                return Ok(false);
            }
            Err(TaskError::Fault(fault)) => {
                let diagnostic = fault_diagnostic(3001, &fault, &address);
                tell(Outcome::Failed(Box::new(diagnostic.clone())), None);
                if self.plan.steps[index].atomic
                    && let Some(partial) = fault.partial
                {
                    let quiesces = self.plan.steps[index].phase == Some(Phase::Quiesce);
                    progress.done.push(Done { task, attributes: Some(partial), quiesces });
                }
                diagnostic.into()
            }
        };
        self.note_failure(progress, index, failed);
        Ok(false)
    }

    fn note_failure(&self, progress: &mut Progress, index: usize, failed: Diagnostics) {
        progress.atomic_failure |= self.plan.steps[index].atomic;
        progress.report.failures.extend(failed);
    }
}

fn dag(plan: &Plan) -> Dag<()> {
    let mut dag = Dag::new();
    for _ in 0..plan.steps.len() + plan.joins.len() {
        dag.add(());
    }
    let needs = plan.steps.iter().map(|s| &s.needs).chain(&plan.joins);
    for (node, needs) in needs.enumerate() {
        for need in needs {
            dag.depend(NodeId(node as u32), NodeId(*need));
        }
    }
    dag
}

/// The keys under which create-before-destroy replacements keep what was there before.
fn deposed_keys(plan: &Plan) -> HashMap<Address, String> {
    plan.steps
        .iter()
        .filter(|s| s.replacement == Some(Replacement::CreateFirst) && s.action == Action::Create)
        .map(|s| (s.address.clone(), s.token[..8].to_owned()))
        .collect()
}

fn activity(action: Action) -> Activity {
    match action {
        Action::Create => Activity::Create,
        Action::Update => Activity::Update,
        Action::Delete => Activity::Delete,
        Action::Read => Activity::Read,
    }
}

/// What the user knows the instance by in its own world.
fn shown_id(attributes: &Object) -> Option<String> {
    match &attributes["id"] {
        mprov_sdk::Value::String(id) => Some(id.to_string()),
        _ => None,
    }
}
