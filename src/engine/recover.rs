use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use mprov_sdk::{Address, Call, Diagnostic, Diagnostics, Fault, Mode, Object};
use mprov_state::{
    Action, InDoubt, OpenScope, Outcome, RawJson, Record, StateError, StepResult, StoredInstance,
};

use super::call::{Ledger, Task};
use super::report::Report;
use super::undo::{Done, undo};
use crate::plan::{
    Action as PlanAction, Activity, Kind, Kinds, Outcome as Told, RunEvent, fault_diagnostic, relay,
};

/// Finds out what became of the steps that an interrupted run left without an outcome, and writes
/// it down. Afterwards the journal can be folded.
///
/// # Errors
/// A provider cannot be asked. The journal stays as it is, so that nothing is forgotten.
pub async fn recover(ledger: &Ledger, doubts: Vec<InDoubt>, kinds: &Arc<Kinds>) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    for doubt in doubts {
        let started = Instant::now();
        let address = doubt.address.clone();
        ledger.observer.event(&RunEvent::Started { address: address.clone(), activity: Activity::Recover });
        let result = settle(ledger, &doubt, kinds).await;
        let outcome = match &result {
            Ok(_) => Told::Done,
            Err(diagnostic) => Told::Failed(diagnostic.clone()),
        };
        ledger.observer.event(&RunEvent::Finished {
            address,
            activity: Activity::Recover,
            outcome,
            elapsed: started.elapsed(),
            id: None,
        });
        match result {
            Ok(result) => {
                let record = Record::Outcome(Outcome { step: doubt.step, result });
                ledger.journal.append(record).await.map_err(|e| Diagnostics::from(Diagnostic::from(e)))?;
            }
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

async fn settle(ledger: &Ledger, doubt: &InDoubt, kinds: &Kinds) -> Result<StepResult, Box<Diagnostic>> {
    let unanswered = |fault: &Fault| {
        let mut diagnostic = fault_diagnostic(3030, fault, &doubt.address);
        diagnostic.summary =
            format!("an interrupted {} could not be checked: {}", doubt.action, diagnostic.summary);
        Box::new(diagnostic)
    };
    let state_error = |error: StateError| Box::new(Diagnostic::from(error));
    let address: Address = doubt.address.parse().map_err(|_| {
        state_error(StateError::Refused { reason: format!("\"{}\" is not an address", doubt.address) })
    })?;
    let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else {
        return Err(unanswered(&Fault::new("no provider of this version knows its type")));
    };
    let recorded = doubt.planned.as_ref().or(doubt.stored.as_ref());
    let Some(recorded) = recorded else {
        // A delete of something that is not recorded: there is nothing to find out.
        return Ok(StepResult::Removed);
    };
    let decode = |instance: &StoredInstance| {
        instance.attributes.decode_object(&kind.ty, &*ledger.seal).map_err(|e| state_error(e.into()))
    };
    let session = match ledger.sessions.get(&recorded.provider).await {
        Ok(session) => session,
        // It is reached through something that mprov itself may have to bring back first.
        Err(_) if is_borrowed(ledger, &recorded.provider) => return Ok(assumed(doubt)),
        Err(fault) => return Err(unanswered(&fault)),
    };
    let Some(resource) = session.resource(&address.resource.kind) else {
        return Err(unanswered(&Fault::new("its provider does not offer its type")));
    };
    let call = Call {
        address: doubt.address.as_str().into(),
        token: doubt.token.as_str().into(),
        base_dir: ledger.base_dir.clone(),
        events: relay(ledger.observer.clone(), &address),
        cancel: ledger.abandon.clone(),
        read_only: None,
    };
    let found = match doubt.action {
        Action::Create => resource.find(&call, &decode(recorded)?).await,
        Action::Update | Action::Delete | Action::Read => match &doubt.stored {
            Some(stored) if doubt.action == Action::Delete => resource.remains(&call, &decode(stored)?).await,
            Some(stored) => resource.read(&call, &decode(stored)?).await,
            None => Ok(None),
        },
    };
    let put = |attributes: Object, kind: &Kind| {
        let attributes = crate::plan::marked(attributes, &kind.schema);
        let raw = RawJson::encode_object(&attributes, &kind.ty, &*ledger.seal);
        raw.map(|raw| StoredInstance { attributes: raw, ..recorded.clone() })
            .map_err(|e| state_error(e.into()))
    };
    match (found, doubt.action) {
        (Ok(Some(attributes)), Action::Update) if doubt.switches => {
            let wanted = decode(recorded)?;
            let before = doubt.stored.as_ref().map(&decode).transpose()?.unwrap_or_default();
            Ok(match has_switched(&before, &wanted, &attributes) {
                true => StepResult::Put(put(attributes, kind)?),
                false => StepResult::Failed {
                    message: "interrupted before users were switched".into(),
                    partial: Some(put(attributes, kind)?),
                },
            })
        }
        (Ok(Some(_)), Action::Delete) => Ok(unchanged()),
        (Ok(Some(attributes)), _) => Ok(StepResult::Put(put(attributes, kind)?)),
        (Ok(None), Action::Create) => Ok(unchanged()),
        (Ok(None), Action::Delete) => {
            // It is gone, but what belongs to it may not be: a delete can be repeated.
            let prior = doubt.stored.as_ref().map(&decode).transpose()?.unwrap_or_default();
            resource.delete(&call, &prior).await.map_err(|fault| unanswered(&fault))?;
            Ok(StepResult::Removed)
        }
        (Ok(None), _) => Ok(StepResult::Removed),
        (Err(Fault { partial: Some(partial), resumable, summary, .. }), _) => {
            let partial = StoredInstance { tainted: !resumable, ..put(partial, kind)? };
            Ok(StepResult::Failed { message: summary, partial: Some(partial) })
        }
        (Err(_), _) if is_borrowed(ledger, &recorded.provider) => Ok(assumed(doubt)),
        (Err(fault), _) => Err(unanswered(&fault)),
    }
}

/// Whether an interrupted switch took effect: users may write to the new place from then on.
/// Anything less is taken back. What the provider decides says nothing.
fn has_switched(before: &Object, wanted: &Object, seen: &Object) -> bool {
    wanted
        .iter()
        .filter(|(name, value)| value.is_wholly_known() && !value.is_null() && !value.same(&before[name]))
        .all(|(name, value)| value.same(&seen[name]))
}

/// Takes back the atomic scope that an interrupted run left half done. Nothing is in doubt any
/// more.
///
/// # Errors
/// A step cannot be taken back now. The journal stays, and the next command tries again.
pub async fn take_back(
    ledger: &Ledger,
    scope: OpenScope,
    mut next_step: u32,
    kinds: &Arc<Kinds>,
) -> Result<(), Diagnostics> {
    let told = |error: StateError| Diagnostics::from(Diagnostic::from(error));
    let mut done = Vec::new();
    for step in scope.done {
        let address: Address = step.address.parse().map_err(|_| {
            told(StateError::Refused { reason: format!("\"{}\" is not an address", step.address) })
        })?;
        let kind = kinds.get(Mode::Managed, &address.resource.kind).cloned();
        let instance = step.after.as_ref().or(step.before.as_ref());
        let (Some(kind), Some(instance)) = (kind, instance) else { continue };
        let decode = |instance: &Option<StoredInstance>| {
            let attributes = instance.as_ref().map(|i| i.attributes.decode_object(&kind.ty, &*ledger.seal));
            attributes.transpose().map_err(|e| told(e.into()))
        };
        let (before, after) = (decode(&step.before)?, decode(&step.after)?);
        let task = Task {
            number: step.step,
            address,
            action: match step.action {
                Action::Create => PlanAction::Create,
                Action::Update => PlanAction::Update,
                Action::Delete => PlanAction::Delete,
                Action::Read => PlanAction::Read,
            },
            slot: step.slot,
            token: step.token,
            provider: instance.provider.clone(),
            prior: before,
            desired: None,
            dependencies: instance.dependencies.clone(),
            create_before_destroy: instance.create_before_destroy,
            prevent_destroy: instance.prevent_destroy,
            undoes: None,
            commits: BTreeMap::new(),
            read_only: None,
            kind,
        };
        done.push(Done { task, attributes: after, quiesces: scope.quiesce.contains(&step.step) });
    }
    let mut report = Report::default();
    undo(ledger, &mut report, &mut next_step, done).await.map_err(told)?;
    match report.failures.has_errors() || report.interruption.is_some() {
        true => Err(report.failures),
        false => Ok(()),
    }
}

fn is_borrowed(ledger: &Ledger, provider: &str) -> bool {
    ledger.sessions.connection(provider).is_some_and(|c| !c.uses.is_empty())
}

/// Everything is as it was before the step.
fn unchanged() -> StepResult {
    StepResult::Failed { message: "interrupted before it had an effect".into(), partial: None }
}

/// What is recorded when nobody can be asked: a create may have had an effect, so it is made anew;
/// for everything else the next plan looks.
fn assumed(doubt: &InDoubt) -> StepResult {
    let partial = match doubt.action {
        Action::Create => doubt.planned.clone().map(|planned| StoredInstance { tainted: true, ..planned }),
        _ => None,
    };
    StepResult::Failed { message: "interrupted, and its outcome cannot be asked".into(), partial }
}
