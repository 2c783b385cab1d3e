//! Parts that the tests of several files need.

use std::path::Path;

use serde_json::json;

use crate::disk::Disk;
use crate::{
    Action, Header, Holder, Intent, Journal, KeyPlace, KeyRing, Outcome, RawJson, Record, Slot, StateError,
    StepResult, Store, StoredInstance, StoredOutput, StoredProvider,
};

pub(crate) fn holder() -> Holder {
    Holder {
        pid: 4711,
        user: "moodle".into(),
        host: "vm1".into(),
        command: "mprov apply".into(),
        since: "2026-11-23T12:00:00Z".into(),
    }
}

pub(crate) fn header() -> Header {
    Header::new("0.1.0", "digest", holder())
}

pub(crate) fn instance(value: &str) -> StoredInstance {
    let attributes = json!({ "input": value, "secret": { "$sealed": "c2VhbGVk" }, "tags": ["a", "b"] });
    StoredInstance::new("core", 1, RawJson::from_json(&attributes))
}

pub(crate) fn provider(uses: &[&str]) -> Record {
    let config = RawJson::from_json(&json!({ "host": "unix:///run/docker.sock" }));
    let uses = uses.iter().map(|u| (*u).to_owned()).collect();
    Record::Provider {
        address: "core".into(),
        provider: StoredProvider { name: "core".into(), config, uses },
    }
}

pub(crate) fn create(step: u32, address: &str, value: &str) -> Record {
    Record::Intent(Intent::new(step, address, Action::Create, format!("t{step}"), Some(instance(value))))
}

pub(crate) fn delete(step: u32, address: &str) -> Record {
    Record::Intent(Intent::new(step, address, Action::Delete, format!("t{step}"), None))
}

pub(crate) fn put(step: u32, value: &str) -> Record {
    Record::Outcome(Outcome { step, result: StepResult::Put(instance(value)) })
}

pub(crate) fn removed(step: u32) -> Record {
    Record::Outcome(Outcome { step, result: StepResult::Removed })
}

pub(crate) fn failed(step: u32, partial: Option<StoredInstance>) -> Record {
    let result = StepResult::Failed { message: "it did not work".into(), partial };
    Record::Outcome(Outcome { step, result })
}

pub(crate) fn in_slot(record: Record, slot: Slot) -> Record {
    match record {
        Record::Intent(intent) => Record::Intent(intent.slot(slot)),
        other => other,
    }
}

pub(crate) fn outputs(value: &str) -> Record {
    let value = RawJson::from_json(&json!({ "$typed": ["string", value] }));
    Record::Outputs([("url".to_owned(), StoredOutput { value, sensitive: false })].into())
}

/// What a first apply may write.
pub(crate) fn first_apply() -> Vec<Record> {
    vec![
        provider(&[]),
        create(1, "core_value.kept", "1"),
        create(2, "core_value.gone", "2"),
        put(1, "1"),
        put(2, "2"),
        create(3, "core_value.swapped", "3"),
        create(4, "core_value.old_name[0]", "4"),
        put(4, "4"),
        put(3, "3"),
        outputs("http://one"),
        Record::End { ok: true },
    ]
}

/// What a second one may write: every kind of record and every slot.
pub(crate) fn second_apply() -> Vec<Record> {
    let half = StoredInstance { tainted: true, ..instance("half") };
    vec![
        provider(&[]),
        Record::Moved { from: "core_value.old_name[0]".into(), to: "core_value.new_name".into() },
        Record::Observed { address: "core_value.kept".into(), instance: Some(instance("drifted")) },
        delete(1, "core_value.gone"),
        in_slot(create(2, "core_value.swapped", "5"), Slot::Depose("d1".into())),
        removed(1),
        create(3, "core_value.half", "half"),
        put(2, "5"),
        in_slot(delete(4, "core_value.swapped"), Slot::Deposed("d1".into())),
        failed(3, Some(half)),
        create(5, "core_value.never", "6"),
        removed(4),
        failed(5, None),
        Record::Intent(
            Intent::new(6, "core_value.kept", Action::Update, "t6", Some(instance("7"))).undoes(1),
        ),
        put(6, "7"),
        in_slot(create(7, "core_value.new_name", "8"), Slot::Depose("d2".into())),
        put(7, "8"),
        in_slot(delete(8, "core_value.new_name"), Slot::Deposed("d2".into())),
        failed(8, None),
        outputs("http://two"),
        Record::End { ok: false },
    ]
}

pub(crate) fn store(disk: Disk, dir: &Path) -> Store {
    Store::on(disk, dir.to_owned(), KeyRing::new(KeyPlace::Folder(dir.join("keys"))))
}

/// Waits for a future without a runtime: those of the journal need none.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Appends all, waiting for each; says how many are durable before the first failure.
pub(crate) fn append_each(journal: &Journal, records: &[Record]) -> (usize, Result<(), StateError>) {
    for (durable, record) in records.iter().enumerate() {
        if let Err(error) = wait(journal.append(record.clone())) {
            return (durable, Err(error));
        }
    }
    (records.len(), Ok(()))
}

/// Appends all at once and waits for them together.
pub(crate) fn append_all(journal: &Journal, records: &[Record]) -> Result<(), StateError> {
    let waiting: Vec<_> = records.iter().map(|r| journal.append(r.clone())).collect();
    waiting.into_iter().try_for_each(wait)
}
