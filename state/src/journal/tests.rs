use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::{line, read};
use crate::disk::Disk;
use crate::disk::fuse::Fuse;
use crate::testing::{append_all, create, first_apply, header, holder, put, second_apply, store, wait};
use crate::{
    Action, FORMAT, Header, Intent, Outcome, RawJson, Record, Slot, StateError, StepResult, StoredInstance,
    StoredOutput, StoredProvider,
};

/// The bytes of a journal, every record durable before the next is written.
fn written(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let first = Record::Header(Header { format: FORMAT, ..header() });
    for (record, seq) in [&first].into_iter().chain(records).zip(0..) {
        line::write(&mut bytes, seq, seq, &line::body(record));
    }
    bytes
}

fn records(bytes: &[u8]) -> Result<Option<Vec<Record>>, StateError> {
    Ok(read(Path::new("journal"), bytes)?.map(|r| r.records))
}

fn any_instance() -> impl Strategy<Value = StoredInstance> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let dependencies = prop::collection::vec(any::<String>(), 0..3);
    (any::<String>(), any::<u32>(), any::<String>(), dependencies, flags, any::<Option<String>>()).prop_map(
        |(provider, version, text, dependencies, flags, token)| StoredInstance {
            dependencies,
            tainted: flags.0,
            create_before_destroy: flags.1,
            prevent_destroy: flags.2,
            token,
            ..StoredInstance::new(provider, version, RawJson::from_json(&json!({ "input": [text, null] })))
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let text = any::<String>;
    let action =
        prop_oneof![Just(Action::Create), Just(Action::Update), Just(Action::Delete), Just(Action::Read)];
    let slot =
        prop_oneof![Just(Slot::Current), text().prop_map(Slot::Depose), text().prop_map(Slot::Deposed),];
    let result = prop_oneof![
        any_instance().prop_map(StepResult::Put),
        Just(StepResult::Removed),
        (text(), prop::option::of(any_instance()))
            .prop_map(|(message, partial)| StepResult::Failed { message, partial }),
    ];
    let raw = || text().prop_map(|t| RawJson::from_json(&json!({ "x": t })));
    prop_oneof![
        (text(), text(), raw(), prop::collection::vec(text(), 0..3)).prop_map(
            |(address, name, config, uses)| Record::Provider {
                address,
                provider: StoredProvider { name, config, uses }
            }
        ),
        (text(), text()).prop_map(|(from, to)| Record::Moved { from, to }),
        (text(), prop::option::of(any_instance()))
            .prop_map(|(address, instance)| Record::Observed { address, instance }),
        (any::<u32>(), text(), action, slot, text(), prop::option::of(any_instance()), any::<Option<u32>>())
            .prop_map(|(step, address, action, slot, token, planned, undoes)| {
                Record::Intent(Intent {
                    step,
                    address,
                    action,
                    slot,
                    token,
                    planned,
                    undoes,
                    commits: Default::default(),
                })
            }),
        (any::<u32>(), result).prop_map(|(step, result)| Record::Outcome(Outcome { step, result })),
        prop::collection::btree_map(text(), (raw(), any::<bool>()), 0..3).prop_map(|outputs| {
            let outputs = outputs.into_iter();
            Record::Outputs(
                outputs.map(|(n, (value, sensitive))| (n, StoredOutput { value, sensitive })).collect(),
            )
        }),
        any::<bool>().prop_map(|ok| Record::End { ok }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(expected in prop::collection::vec(any_record(), 0..12)) {
        let bytes = written(&expected);
        prop_assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), expected.len() + 1);
        prop_assert_eq!(records(&bytes).expect("readable"), Some(expected));
    }

    #[test]
    fn a_torn_end_is_left_out(
        expected in prop::collection::vec(any_record(), 1..8), cut in any::<prop::sample::Index>(),
        rubbish in prop_oneof![Just(vec![]), Just(vec![0; 40]), prop::collection::vec(any::<u8>(), 0..40)],
    ) {
        let bytes = written(&expected);
        let cut = cut.index(bytes.len());
        let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
        let torn = [&bytes[..cut], &rubbish].concat();
        // Rubbish may by chance complete the record; that chance is left aside.
        let found = records(&torn).expect("readable");
        prop_assert_eq!(found, whole.checked_sub(1).map(|n| expected[..n].to_vec()));
    }

    #[test]
    fn damage_is_an_error_or_the_end_but_never_another_record(
        expected in prop::collection::vec(any_record(), 1..8),
        place in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let mut bytes = written(&expected);
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        match records(&bytes) {
            Err(StateError::JournalDamaged { line, .. }) => {
                let damaged = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
                prop_assert_eq!(line, damaged);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
            // Nothing after the damage says that it was on disk.
            Ok(found) => {
                let found = found.unwrap_or_default();
                prop_assert!(found.len() + 2 >= expected.len());
                prop_assert_eq!(&found[..], &expected[..found.len()]);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(records(&bytes));
    }
}

#[test]
fn records_of_one_batch_may_be_torn_anywhere() {
    let all = first_apply();
    let mut bytes = written(&all[..2]);
    let durable = bytes.len();
    for (record, seq) in all[2..6].iter().zip(3..) {
        line::write(&mut bytes, seq, 3, &line::body(record));
    }
    // A power failure may bring the third of four pages to the disk and not the first.
    bytes[durable + 30] ^= 1;
    assert_eq!(records(&bytes).expect("readable").expect("a header"), all[..2]);
    // But where a later batch was written, the earlier one had been acknowledged.
    line::write(&mut bytes, 7, 7, &line::body(&all[6]));
    let error = records(&bytes).expect_err("damage");
    assert!(matches!(error, StateError::JournalDamaged { line: 4, .. }), "{error:?}");
}

#[test]
fn a_newer_format_is_named() {
    let mut bytes = Vec::new();
    let body = br#"{"header":{"format":9,"mprov_version":"7.1.0","shape":"unheard of"}}"#;
    line::write(&mut bytes, 0, 0, body);
    match records(&bytes) {
        Err(StateError::NewerFormat { format, mprov_version, .. }) => {
            assert_eq!((format, &*mprov_version), (9, "7.1.0"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thousand_instances_at_once_keep_their_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let locked = store(Disk::default(), dir.path()).lock(&holder()).expect("the lock");
    let journal = locked.begin(header()).expect("a journal");
    let mut all = Vec::new();
    for step in 0..1000 {
        all.extend([create(step, &format!("core_value.a[{step}]"), "x"), put(step, "x")]);
    }
    append_all(&journal, &all).expect("appending");
    drop(journal);
    let bytes = std::fs::read(dir.path().join("mprov.state.journal")).expect("the journal");
    assert_eq!(records(&bytes).expect("readable").expect("a header"), all);
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_any_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let locked = store(Disk::default(), dir.path()).lock(&holder()).expect("the lock");
    drop(locked.begin(header()).expect("a journal"));
    drop(locked);
    // Five operations for the lock, two to go on with the journal, two for each record.
    let disk = Disk { fuse: Fuse::after(5 + 2 + 2 * 2) };
    let locked = store(disk, dir.path()).lock(&holder()).expect("the lock");
    let journal = locked.resume().expect("readable").expect("pending");
    let all = second_apply();
    let acknowledged = [&all[0], &all[2], &all[5], &all[6]].map(|r| wait(journal.append(r.clone())).is_ok());
    assert_eq!(acknowledged, [true, true, false, false]);
    assert!(locked.fold(journal).is_err(), "a journal that failed is not folded");
    assert!(dir.path().join("mprov.state.journal").exists());
}
