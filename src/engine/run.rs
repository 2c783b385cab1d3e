use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mprov_sdk::{Address, CancellationToken, Diagnostic, Diagnostics, Object};
use mprov_state::{RawJson, Record, Slot, StateError, StoredInstance, StoredOutput, StoredProvider};

use super::call::{Ledger, Task, TaskError};
use super::report::{Interruption, Report};
use super::undo::{Done, undo};
use crate::graph::{Dag, NodeId, Ready};
use crate::plan::{
    Action, Activity, Kinds, Outcome, Plan, PlanMode, Replacement, Resolver, RunEvent, Stored,
    fault_diagnostic,
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
}

struct Finished {
    index: usize,
    task: Task,
    result: Result<Option<Object>, TaskError>,
    elapsed: Duration,
}

struct Progress {
    report: Report,
    done: Vec<Done>,
    /// Provider configurations that are declared and written down.
    connected: HashSet<String>,
    atomic_failure: bool,
    next_number: u32,
    /// By step: whether it was begun, or failed before it could be.
    begun: Vec<bool>,
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
            next_number: self.plan.steps.len() as u32,
            begun: vec![false; self.plan.steps.len()],
        };
        self.ledger.observer.event(&RunEvent::Planned { steps: self.plan.steps.len() });
        self.write_down_beforehand().await?;
        self.walk(&mut progress).await?;
        if progress.atomic_failure && progress.report.interruption != Some(Interruption::Abandoned) {
            undo(&self.ledger, &mut progress.report, &mut progress.next_number, progress.done).await?;
        }
        if progress.report.interruption != Some(Interruption::Abandoned) {
            self.write_down_outputs(&progress.report).await?;
        }
        Ok((progress.report, self.ledger))
    }

    /// What needs no provider: new addresses and observed attributes.
    async fn write_down_beforehand(&self) -> Result<(), StateError> {
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
            PlanMode::Destroy => None,
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
        let task = Task::of_step(index as u32, step, kind, slot, desired);
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
            PlanMode::Normal => self.resolver.connection(address)?,
            PlanMode::Destroy => None,
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
                let recorded = match &attributes {
                    Some(attributes) => self.resolver.record(&task.address, attributes.clone()),
                    None => Ok(()),
                };
                if self.plan.steps[index].atomic {
                    progress.done.push(Done { task, attributes });
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
                    progress.done.push(Done { task, attributes: Some(partial) });
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
