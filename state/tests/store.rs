//! The store as the rest of mprov uses it, on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mprov_sdk::{Attribute, Diagnostic, Object, Schema, Seal, Type, Value};
use mprov_state::{
    Action, FORMAT, Header, Holder, Intent, Journal, KeyPlace, KeyRing, Outcome, RawJson, Record, State,
    StateError, StepResult, Store, StoredInstance, StoredOutput, StoredProvider,
};

const CANARY: &str = "canary-hunter2";

fn holder() -> Holder {
    Holder {
        pid: std::process::id(),
        user: "moodle".into(),
        host: "vm1".into(),
        command: "mprov apply".into(),
        since: "2026-11-23T12:00:00Z".into(),
    }
}

fn header() -> Header {
    Header::new("0.1.0", "digest", holder())
}

fn store(dir: &Path) -> Store {
    Store::open(dir, KeyRing::new(KeyPlace::Folder(dir.join("keys"))))
}

fn password_type() -> Type {
    let attributes = [
        ("length", Attribute::required(Type::Number, "")),
        ("result", Attribute::computed(Type::String, "").sensitive()),
    ];
    Schema::new("core_password", "", attributes).ty()
}

fn password() -> Object {
    Object::new().with("length", 14).with("result", Value::from(CANARY).sensitive())
}

fn sealed(store: &Store) -> StoredInstance {
    let attributes = RawJson::encode_object(&password(), &password_type(), store.keys()).expect("sealing");
    StoredInstance::new("core", 1, attributes)
}

async fn append(journal: &Journal, records: Vec<Record>) {
    for record in records {
        journal.append(record).await.expect("durable");
    }
}

/// A create that is done and another that is only begun, with a secret in every place.
async fn begin_with_secrets(store: &Store) -> (mprov_state::Locked, Journal) {
    store.state().expect("readable");
    let config = RawJson::from_json(
        &mprov_sdk::encode(&Value::from(CANARY).sensitive(), &Type::String, store.keys()).expect("sealing"),
    );
    let provider = StoredProvider { name: "core".into(), config, uses: vec![] };
    let value = RawJson::encode_value(&Value::from(CANARY).sensitive(), store.keys()).expect("sealing");
    let output = StoredOutput { value, sensitive: true };
    let locked = store.lock(&holder()).expect("the lock");
    let journal = locked.begin(header()).expect("a journal");
    let intent = |step, address| {
        Record::Intent(Intent::new(step, address, Action::Create, format!("t{step}"), Some(sealed(store))))
    };
    let records = vec![
        Record::Provider { address: "core".into(), provider },
        intent(1, "core_password.admin"),
        Record::Outcome(Outcome { step: 1, result: StepResult::Put(sealed(store)) }),
        Record::Outputs([("password".to_owned(), output)].into()),
        intent(2, "core_password.db"),
    ];
    append(&journal, records).await;
    (locked, journal)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("the folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// No file has the secret, in any spelling that hides nothing.
fn assert_no_secret(dir: &Path) {
    use base64::Engine;
    let encoded = base64::prelude::BASE64_STANDARD_NO_PAD.encode(CANARY);
    let hex: String = CANARY.bytes().map(|b| format!("{b:02x}")).collect();
    let mut looked_at = 0;
    for file in files(dir) {
        let bytes = fs::read(&file).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        looked_at += 1;
        for secret in [CANARY, &encoded[..encoded.len() - 1], &hex] {
            assert!(!text.contains(secret), "{} holds the secret", file.display());
        }
        if file.extension().is_none_or(|e| e != "key") {
            assert!(!text.contains("AGE-SECRET-KEY"), "{} holds the key", file.display());
        }
    }
    assert!(looked_at >= 3, "only {looked_at} files");
}

#[tokio::test]
async fn no_secret_rests_in_clear() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = store(dir.path());
    let (locked, journal) = begin_with_secrets(&store).await;
    assert_no_secret(dir.path());
    let failed = StepResult::Failed { message: "it did not work".into(), partial: Some(sealed(&store)) };
    append(&journal, vec![Record::Outcome(Outcome { step: 2, result: failed })]).await;
    let state = locked.fold(journal).expect("folding");
    assert_no_secret(dir.path());

    let debug = format!("{state:?} {:?}", store.keys());
    assert!(!debug.contains(CANARY) && !debug.contains("AGE-SECRET-KEY"), "{debug}");
    let opened = state.resources["core_password.db"].decode(&password_type(), store.keys()).expect("opening");
    assert_eq!(opened, password());
    let output = state.outputs["password"].value.decode_value(store.keys()).expect("opening");
    assert_eq!(output, Value::from(CANARY).sensitive());
}

#[tokio::test]
async fn an_untouched_sealed_value_keeps_every_byte() {
    let dir = tempfile::tempdir().expect("a folder");
    let (locked, journal) = begin_with_secrets(&store(dir.path())).await;
    let done = StepResult::Failed { message: "no".into(), partial: None };
    append(&journal, vec![Record::Outcome(Outcome { step: 2, result: done })]).await;
    locked.fold(journal).expect("folding");
    let before = fs::read_to_string(locked.path()).expect("the state");

    let journal = locked.begin(header()).expect("a journal");
    let moved = Record::Moved { from: "core_password.admin".into(), to: "core_password.boss".into() };
    append(&journal, vec![moved]).await;
    locked.fold(journal).expect("folding");
    let after = fs::read_to_string(locked.path()).expect("the state");
    let changed: Vec<&str> = after.lines().filter(|l| !before.lines().any(|b| b == *l)).collect();
    assert_eq!(changed.len(), 3, "serial, journal and address: {changed:#?}");
}

#[tokio::test]
async fn an_interrupted_apply_is_recovered_by_another_process() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(begin_with_secrets(&store(dir.path())).await);

    // As after a start: nothing is known but what lies there.
    let store = store(dir.path());
    assert_eq!(store.state().expect("readable"), None);
    let pending = store.pending().expect("readable").expect("pending");
    assert_eq!(pending.header.plan, "digest");
    let [doubt] = &pending.in_doubt[..] else { panic!("{:?}", pending.in_doubt) };
    assert_eq!((doubt.step, &*doubt.address, &*doubt.token), (2, "core_password.db", "t2"));
    let planned = doubt.planned.as_ref().expect("a create has one");
    assert_eq!(planned.decode(&password_type(), store.keys()).expect("opening"), password());
    assert!(pending.applied.resources.contains_key("core_password.admin"));

    let locked = store.lock(&holder()).expect("the lock");
    assert!(matches!(locked.begin(header()), Err(StateError::Unrecovered { .. })));
    let journal = locked.resume().expect("readable").expect("pending");
    match locked.fold(journal) {
        Err(StateError::InDoubt { addresses }) => assert_eq!(addresses, ["core_password.db"]),
        other => panic!("{other:?}"),
    }
    let journal = locked.resume().expect("readable").expect("still pending");
    let put = StepResult::Put(doubt.planned.clone().expect("a create has one"));
    append(&journal, vec![Record::Outcome(Outcome { step: 2, result: put })]).await;
    let state = locked.fold(journal).expect("folding");
    assert_eq!((state.serial, state.resources.len(), &*state.lineage), (1, 2, &*pending.header.lineage));
    assert_eq!(store.state().expect("readable"), Some(state));
    assert!(store.pending().expect("readable").is_none());
    assert!(!dir.path().join(".mprov/lineage").exists());
}

#[tokio::test]
async fn the_key_is_made_once_for_its_owner_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = store(dir.path());
    assert_eq!(first.keys().made(), None);
    let sealed = first.keys().seal(b"a").expect("sealing");
    let made = first.keys().made().expect("a key was made");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&made.path), 0o600);
    assert_eq!(mode(made.path.parent().expect("a folder")), 0o700);
    assert!(made.recipient.starts_with("age1"));
    assert_eq!(files(made.path.parent().expect("a folder")).len(), 1, "nothing is left behind");

    let second = store(dir.path());
    second.keys().seal(b"b").expect("sealing");
    assert_eq!(second.keys().made(), None);
    assert_eq!(second.keys().open(&sealed).expect("opening"), b"a");

    // The state that follows has the lineage that the key was made for.
    let (locked, journal) = begin_with_secrets(&second).await;
    drop((locked, journal));
    let lineage = second.pending().expect("readable").expect("pending").header.lineage;
    assert_eq!(made.path.file_stem().and_then(|s| s.to_str()), Some(&*lineage));
}

#[tokio::test]
async fn many_first_seals_at_once_agree_on_one_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = store(dir.path());
            std::thread::spawn(move || {
                let sealed = store.keys().seal(b"a").expect("sealing");
                (sealed, store.keys().made())
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
    assert_eq!(results.iter().filter(|(_, made)| made.is_some()).count(), 1);
    let store = store(dir.path());
    for (sealed, _) in results {
        assert_eq!(store.keys().open(&sealed).expect("opening"), b"a");
    }
}

#[tokio::test]
async fn a_missing_key_is_told_but_new_secrets_can_be_sealed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (locked, journal) = begin_with_secrets(&store(dir.path())).await;
    let none = StepResult::Failed { message: "no".into(), partial: None };
    append(&journal, vec![Record::Outcome(Outcome { step: 2, result: none })]).await;
    locked.fold(journal).expect("folding");
    drop(locked);
    fs::remove_dir_all(dir.path().join("keys")).expect("removing");

    let store = store(dir.path());
    let state = store.state().expect("readable without a key").expect("a state");
    let path = dir.path().join(format!("keys/{}.key", state.lineage));
    assert!(matches!(store.keys().unlock(), Err(StateError::KeyMissing { path: p }) if p == path));
    let error = state.resources["core_password.admin"].decode(&password_type(), store.keys());
    let text = error.expect_err("no key").to_string();
    assert!(text.contains(&*path.to_string_lossy()) && text.contains("lost"), "{text}");
    store.keys().seal(b"x").expect("the recipients are in the state");
    assert_eq!(store.keys().made(), None, "a new key would hide that the old one is missing");
    assert!(!path.exists());
}

#[test]
fn a_state_of_format_1_is_read_and_written_in_todays_format() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = dir.path().join("mprov.state.json");
    fs::copy(data.join("format1.state.json"), &path).expect("copying");
    let store = Store::open(dir.path(), KeyRing::new(KeyPlace::File(data.join("format1.key"))));
    let state = store.state().expect("readable").expect("a state");
    assert_eq!((state.serial, state.resources.len(), state.deposed.len()), (2, 2, 1));
    let then = fs::read_to_string(&path).expect("the state");
    let now = String::from_utf8(state.to_text()).expect("text");
    assert_eq!(
        now,
        then.replacen("\"format\": 1", &format!("\"format\": {FORMAT}"), 1),
        "nothing else differs"
    );
    let opened = state.resources["core_password.admin"].decode(&password_type(), store.keys());
    assert_eq!(opened.expect("opening"), password());

    fs::copy(data.join("format1.state.journal"), dir.path().join("mprov.state.journal")).expect("copying");
    let pending = store.pending().expect("readable").expect("pending");
    assert_eq!((pending.header.base_serial, pending.in_doubt.len()), (2, 1));
    assert_eq!(pending.in_doubt[0].address, "core_password.db");
    assert_eq!(pending.applied.resources.len(), 1);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("mprov.state.json");
    let newer = br#"{"format": 3, "mprov_version": "3.4.5", "serial": {"a": 1}}"#;
    fs::write(&path, newer).expect("writing");
    let store = store(dir.path());
    let locked = store.lock(&holder()).expect("the lock");
    for error in [
        store.state().expect_err("newer"),
        store.pending().expect_err("newer"),
        locked.begin(header()).map(drop).expect_err("newer"),
    ] {
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.code.to_string(), "MP4002");
        let versions = ["3.4.5", env!("CARGO_PKG_VERSION"), "format 3", "up to 2"];
        assert!(versions.iter().all(|v| diagnostic.detail.contains(v)), "{diagnostic:?}");
    }
    assert_eq!(fs::read(&path).expect("the state"), newer);
}

#[tokio::test]
async fn a_corrupt_state_names_what_can_be_restored() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = store(dir.path());
    let locked = store.lock(&holder()).expect("the lock");
    for lineage in ["one", "two", "three"] {
        let journal = locked.begin(header()).expect("a journal");
        let value = RawJson::encode_value(&lineage.into(), store.keys()).expect("nothing is sealed");
        append(
            &journal,
            vec![Record::Outputs([("o".into(), StoredOutput { value, sensitive: false })].into())],
        )
        .await;
        locked.fold(journal).expect("folding");
    }
    let good = fs::read(store.path()).expect("the state");
    for corrupt in [&b""[..], b"{", &good[..good.len() - 5], b"\0\0\0\0", b"{\"format\":0}"] {
        fs::write(store.path(), corrupt).expect("writing");
        let diagnostic = Diagnostic::from(store.state().expect_err("corrupt"));
        assert_eq!(diagnostic.code.to_string(), "MP4003");
        assert!(diagnostic.detail.contains("history/2.json"), "{diagnostic:?}");
        assert!(diagnostic.detail.contains("history/1.json"), "{diagnostic:?}");
        assert_eq!(fs::read(store.path()).expect("the state"), corrupt);
    }
    // What the message advises works.
    fs::copy(dir.path().join(".mprov/history/2.json"), store.path()).expect("copying");
    assert_eq!(store.state().expect("readable").map(|s| s.serial), Some(2));
    let journal = locked.begin(header()).expect("a journal");
    append(&journal, vec![Record::Outputs([].into())]).await;
    assert_eq!(locked.fold(journal).expect("folding").serial, 3);
}

#[tokio::test]
async fn a_journal_is_never_folded_into_a_state_it_was_not_made_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = store(dir.path());
    let (locked, journal) = begin_with_secrets(&store).await;
    let none = StepResult::Failed { message: "no".into(), partial: None };
    append(&journal, vec![Record::Outcome(Outcome { step: 2, result: none })]).await;
    let first = locked.fold(journal).expect("folding");
    drop(locked.begin(header()).expect("a journal"));

    let journal = fs::read(dir.path().join("mprov.state.journal")).expect("the journal");
    let put = |change: fn(&mut State)| {
        let mut state = first.clone();
        change(&mut state);
        fs::write(store.path(), state.to_text()).expect("writing");
    };
    put(|state| state.serial = 7);
    assert!(matches!(store.pending(), Err(StateError::JournalMismatch { base: 1, serial: 7, .. })));
    put(|state| state.lineage = "another".into());
    assert!(matches!(locked.resume().map(drop), Err(StateError::Lineage { .. })));
    fs::remove_file(store.path()).expect("removing");
    store.state().expect_err("this is no first apply");
    let error = locked.begin(header()).map(drop).expect_err("the state is gone");
    assert!(error.advice().contains(".mprov/history/1.json"), "{}", error.advice());
    assert_eq!(fs::read(dir.path().join("mprov.state.journal")).expect("the journal"), journal);
    put(|_| {});
    assert!(store.pending().expect("readable").is_some());
}
