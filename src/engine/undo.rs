use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use mprov_sdk::{Address, Diagnostic, Object};
use mprov_state::{Slot, StateError};

use super::call::{Ledger, Task, TaskError};
use super::report::Report;
use crate::plan::{Action, Activity, Outcome, RunEvent, fault_diagnostic};

/// A step of an atomic scope that was done, or left something behind.
pub struct Done {
    pub task: Task,
    pub attributes: Option<Object>,
    /// It keeps users out.
    pub quiesces: bool,
}

/// Takes back what was done, in the order of [`in_order`]. Stops at the first step that cannot be taken back:
/// what came before it stays, since it may depend on it.
pub async fn undo(
    ledger: &Ledger,
    report: &mut Report,
    next_number: &mut u32,
    done: Vec<Done>,
) -> Result<(), StateError> {
    for done in in_order(done) {
        let number = *next_number;
        *next_number += 1;
        let address = done.task.address.to_string();
        let Some(task) = reverse(done, number) else {
            report.fail(
                Diagnostic::error(3021, "this step cannot be taken back")
                    .detail("It and everything before it stay as they are. The next plan shows what is left to do.")
                    .address(&address),
            );
            return Ok(());
        };
        let started = Instant::now();
        ledger.observer.event(&RunEvent::Started { address: address.clone(), activity: Activity::Undo });
        let result = ledger.carry_out(&task).await;
        let outcome = match &result {
            Err(TaskError::Fault(fault)) => {
                Outcome::Failed(Box::new(fault_diagnostic(3020, fault, &address)))
            }
            Err(TaskError::Abandoned) => Outcome::Abandoned,
            _ => Outcome::Done,
        };
        ledger.observer.event(&RunEvent::Finished {
            address: address.clone(),
            activity: Activity::Undo,
            outcome,
            elapsed: started.elapsed(),
            id: None,
        });
        match result {
            Ok(_) => report.undone += 1,
            Err(TaskError::State(error)) => return Err(error),
            Err(TaskError::Abandoned) => {
                report.interruption = Some(super::Interruption::Abandoned);
                return Ok(());
            }
            Err(TaskError::Fault(fault)) => {
                report.fail(fault_diagnostic(3020, &fault, &address));
                return Ok(());
            }
        }
    }
    report.restored = true;
    Ok(())
}

/// The last first. But before all others what keeps users out, since that depends on nothing that
/// was made in between, and users wait; and before that half a switch of the same thing, which
/// would keep them out again.
fn in_order(done: Vec<Done>) -> Vec<Done> {
    let gates: HashSet<Address> =
        done.iter().filter(|d| d.quiesces).map(|d| d.task.address.clone()).collect();
    let rank = |d: &Done| match (d.quiesces, gates.contains(&d.task.address)) {
        (false, true) => 0,
        (true, _) => 1,
        (false, false) => 2,
    };
    let mut order: Vec<Done> = done.into_iter().rev().collect();
    order.sort_by_key(rank);
    order
}

/// The task that takes another one back; none where nothing does.
fn reverse(done: Done, number: u32) -> Option<Task> {
    let Done { task, attributes, .. } = done;
    let task = Task { commits: BTreeMap::new(), ..task };
    let undoes = Some(task.number);
    let token = format!("{}-undo", task.token);
    let slot = match task.slot {
        Slot::Current => Slot::Current,
        // What was deposed would have to become current again, which its provider cannot do.
        Slot::Depose(_) | Slot::Deposed(_) => return None,
    };
    match task.action {
        Action::Create => Some(Task {
            number,
            action: Action::Delete,
            prior: attributes,
            desired: None,
            undoes,
            token,
            slot,
            ..task
        }),
        Action::Update => Some(Task {
            number,
            action: Action::Update,
            prior: attributes,
            desired: task.prior.clone(),
            undoes,
            token,
            slot,
            ..task
        }),
        Action::Delete if task.kind.schema.holds_data.is_none() => Some(Task {
            number,
            action: Action::Create,
            desired: task.prior.as_ref().map(|prior| settable(prior, &task)),
            prior: None,
            undoes,
            token,
            slot,
            ..task
        }),
        Action::Delete | Action::Read => None,
    }
}

/// What the configuration had said, without what the provider decides.
fn settable(prior: &Object, task: &Task) -> Object {
    let schema = &task.kind.schema;
    let keep = |name: &str| schema.attributes.get(name).is_some_and(|a| a.is_settable());
    prior.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
