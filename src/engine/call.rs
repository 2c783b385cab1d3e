use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{Address, Call, CancellationToken, Fault, Object, Seal};
use mprov_state::{
    Action as StoredAction, Intent, Journal, Outcome, RawJson, Record, Rollout, Slot, StateError, StepResult,
    StoredInstance,
};

use crate::plan::{Action, Kind, Observer, Sessions, Step, relay};

/// What every step of a run needs: where it is written down, and whom it calls.
pub struct Ledger {
    pub journal: Journal,
    pub seal: Arc<dyn Seal + Send + Sync>,
    pub sessions: Arc<Sessions>,
    pub observer: Arc<dyn Observer>,
    pub base_dir: PathBuf,
    /// Cancelled when the user does not want to wait for running steps.
    pub abandon: CancellationToken,
}

/// One provider call with everything that is written down about it.
pub struct Task {
    /// Number of the step in the journal.
    pub number: u32,
    pub address: Address,
    pub action: Action,
    pub slot: Slot,
    pub token: String,
    pub kind: Kind,
    pub provider: String,
    /// Attributes now; for updates and deletes.
    pub prior: Option<Object>,
    /// Attributes to bring about, all known, null where the provider decides.
    pub desired: Option<Object>,
    pub dependencies: Vec<String>,
    pub create_before_destroy: bool,
    pub prevent_destroy: bool,
    pub undoes: Option<u32>,
    /// With this step users are switched: what the generations are when it succeeds.
    pub commits: BTreeMap<String, Rollout>,
    /// It keeps users out, for that long as far as a rehearsal has measured it.
    pub read_only: Option<Duration>,
}

/// How a task failed.
pub enum TaskError {
    Fault(Fault),
    /// The journal could not be written: nothing more may be done.
    State(StateError),
    /// Given up while running.
    Abandoned,
}

impl From<StateError> for TaskError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Ledger {
    /// Write down, act, write down. Returns the attributes afterwards; none after a delete.
    pub async fn carry_out(&self, task: &Task) -> Result<Option<Object>, TaskError> {
        if task.kind.schema.is_value {
            return self.carry_out_value(task).await;
        }
        // Connecting changes nothing, so it comes before the intention.
        let session = tokio::select! {
            biased;
            () = self.abandon.cancelled() => return Err(TaskError::Abandoned),
            session = self.sessions.get(&task.provider) => session.map_err(TaskError::Fault)?,
        };
        if task.action == Action::Read {
            let Some(source) = session.data_source(&task.kind_name()) else {
                return Err(TaskError::Fault(missing_kind(task)));
            };
            let config = task.desired.clone().unwrap_or_default();
            let call = self.call(task);
            return tokio::select! {
                biased;
                () = self.abandon.cancelled() => Err(TaskError::Abandoned),
                read = source.read(&call, &config) => read.map(Some).map_err(TaskError::Fault),
            };
        }
        let Some(resource) = session.resource(&task.kind_name()) else {
            return Err(TaskError::Fault(missing_kind(task)));
        };
        let planned = task.desired.as_ref().map(|desired| self.instance(task, desired)).transpose()?;
        let intent = Intent {
            undoes: task.undoes,
            commits: task.commits.clone(),
            ..Intent::new(
                task.number,
                task.address.to_string(),
                stored_action(task.action),
                &*task.token,
                planned,
            )
            .slot(task.slot.clone())
        };
        self.journal.append(Record::Intent(intent)).await?;
        let call = self.call(task);
        let (action, prior, desired) = (task.action, task.prior.clone(), task.desired.clone());
        // On a task of its own: a provider that computes must not hold up the others.
        let work = tokio::spawn(async move {
            let prior = prior.unwrap_or_default();
            let desired = desired.unwrap_or_default();
            match action {
                Action::Create => resource.create(&call, &desired).await.map(Some),
                Action::Update => resource.update(&call, &prior, &desired).await.map(Some),
                Action::Delete => resource.delete(&call, &prior).await.map(|()| None),
                Action::Read => unreachable!("data sources are read above"),
            }
        });
        // Given up comes first: a provider that hears of it may answer in the same instant.
        let result = tokio::select! {
            biased;
            () = self.abandon.cancelled() => return Err(TaskError::Abandoned),
            result = work => result.unwrap_or_else(|panic| Err(Fault::new(format!("the provider failed: {panic}")))),
        };
        let result = result.map(|attributes| attributes.map(|a| crate::plan::marked(a, &task.kind.schema)));
        let outcome = match &result {
            Ok(Some(attributes)) => StepResult::Put(self.instance(task, attributes)?),
            Ok(None) => StepResult::Removed,
            Err(fault) => self.failed(task, fault)?,
        };
        self.journal.append(Record::Outcome(Outcome { step: task.number, result: outcome })).await?;
        result.map_err(TaskError::Fault)
    }

    /// There is nothing outside to be in doubt about: one record says it all.
    async fn carry_out_value(&self, task: &Task) -> Result<Option<Object>, TaskError> {
        let session = self.sessions.get(&task.provider).await.map_err(TaskError::Fault)?;
        let Some(resource) = session.resource(&task.kind_name()) else {
            return Err(TaskError::Fault(missing_kind(task)));
        };
        let call = self.call(task);
        let prior = task.prior.clone().unwrap_or_default();
        let desired = task.desired.clone().unwrap_or_default();
        let result = match task.action {
            Action::Create => resource.create(&call, &desired).await.map(Some),
            Action::Update => resource.update(&call, &prior, &desired).await.map(Some),
            Action::Delete | Action::Read => Ok(None),
        };
        let attributes = result.map_err(TaskError::Fault)?.map(|a| crate::plan::marked(a, &task.kind.schema));
        let instance = attributes.as_ref().map(|a| self.instance(task, a)).transpose()?;
        match &task.slot {
            // The new value took the place of the old one already.
            Slot::Deposed(_) => {}
            Slot::Current | Slot::Depose(_) => {
                let address = task.address.to_string();
                self.journal.append(Record::Observed { address, instance }).await?;
            }
        }
        Ok(attributes)
    }

    fn failed(&self, task: &Task, fault: &Fault) -> Result<StepResult, StateError> {
        let partial = match &fault.partial {
            Some(partial) => {
                let attributes = crate::plan::marked(partial.clone(), &task.kind.schema);
                let instance = self.instance(task, &attributes)?;
                Some(StoredInstance { tainted: !fault.resumable, ..instance })
            }
            None => None,
        };
        Ok(StepResult::Failed { message: fault.summary.clone(), partial })
    }

    /// An instance as the state keeps it.
    pub fn instance(&self, task: &Task, attributes: &Object) -> Result<StoredInstance, StateError> {
        let raw = RawJson::encode_object(attributes, &task.kind.ty, &*self.seal)?;
        Ok(StoredInstance {
            dependencies: task.dependencies.clone(),
            create_before_destroy: task.create_before_destroy,
            prevent_destroy: task.prevent_destroy,
            token: Some(task.token.clone()),
            ..StoredInstance::new(&*task.provider, task.kind.schema.version, raw)
        })
    }

    fn call(&self, task: &Task) -> Call {
        Call {
            address: task.address.to_string().into(),
            token: task.token.as_str().into(),
            base_dir: self.base_dir.clone(),
            events: relay(self.observer.clone(), &task.address),
            cancel: self.abandon.clone(),
            read_only: task.read_only,
        }
    }
}

impl Task {
    /// The task of a plan's step.
    pub fn of_step(number: u32, step: &Step, kind: Kind, slot: Slot, desired: Option<Object>) -> Self {
        Self {
            number,
            address: step.address.clone(),
            action: step.action,
            slot,
            token: step.token.clone(),
            kind,
            provider: step.provider.clone(),
            prior: step.before.clone(),
            desired,
            dependencies: step.dependencies.clone(),
            create_before_destroy: step.create_before_destroy,
            prevent_destroy: step.prevent_destroy,
            undoes: None,
            commits: BTreeMap::new(),
            read_only: None,
        }
    }

    fn kind_name(&self) -> String {
        self.address.resource.kind.to_string()
    }
}

fn missing_kind(task: &Task) -> Fault {
    Fault::new(format!("provider \"{}\" does not offer {}", task.provider, task.kind_name()))
}

pub fn stored_action(action: Action) -> StoredAction {
    match action {
        Action::Create => StoredAction::Create,
        Action::Update => StoredAction::Update,
        Action::Delete => StoredAction::Delete,
        Action::Read => StoredAction::Read,
    }
}
