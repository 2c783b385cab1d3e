use std::sync::Arc;
use std::time::Instant;

use mprov_sdk::{Address, Call, Diagnostic, Diagnostics, Fault, Mode, Object};
use mprov_state::{Action, InDoubt, Outcome, RawJson, Record, StateError, StepResult, StoredInstance};

use super::call::Ledger;
use crate::plan::{Activity, Kind, Kinds, Outcome as Told, RunEvent, fault_diagnostic, relay};

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
