//! What is left after a crash at any point of an apply: tests over every prefix of a journal and
//! every operation on files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::disk::Disk;
use crate::disk::fuse::Fuse;
use crate::fold::Fold;
use crate::testing::{append_all, append_each, first_apply, header, holder, second_apply, store};
use crate::{Pending, Record, State, StateError};

fn applied(dir: &Path, records: &[Record]) -> State {
    let locked = store(Disk::default(), dir).lock(&holder()).expect("the lock");
    let journal = locked.begin(header()).expect("a journal");
    append_all(&journal, records).expect("appending");
    locked.fold(journal).expect("folding")
}

/// The folder after the first apply, and what a second one makes of it.
fn example() -> (tempfile::TempDir, State, State) {
    let dir = tempfile::tempdir().expect("a folder");
    let base = applied(dir.path(), &first_apply());
    let other = tempfile::tempdir().expect("a folder");
    copy(dir.path(), other.path());
    let last = applied(other.path(), &second_apply());
    (dir, base, last)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copying")),
        }
    }
}

/// The pending apply is exactly these records on top of the base.
fn check_pending(pending: &Pending, base: &State, records: &[Record]) {
    let mut fold = Fold::new(base.clone());
    let mut open = BTreeSet::new();
    for record in records {
        match record {
            Record::Intent(intent) => drop(open.insert(intent.step)),
            Record::Outcome(outcome) => drop(open.remove(&outcome.step)),
            _ => {}
        }
        fold.apply(record.clone()).expect("it makes sense");
    }
    let doubts: BTreeSet<u32> = pending.in_doubt.iter().map(|d| d.step).collect();
    assert_eq!(doubts, open);
    assert_eq!(pending.applied, fold.into_applied());
    assert_eq!(pending.base.as_ref(), Some(base));
}

/// Carries the interrupted second apply to its end.
fn finish(dir: &Path, all: &[Record]) -> Result<State, StateError> {
    let locked = store(Disk::default(), dir).lock(&holder())?;
    let Some(journal) = locked.resume()? else {
        let state = locked.state()?.expect("the first apply was folded");
        if state.serial == 2 {
            return Ok(state);
        }
        let journal = locked.begin(header())?;
        append_all(&journal, all)?;
        return locked.fold(journal);
    };
    let durable = fs::read_to_string(dir.join("mprov.state.journal")).expect("a journal").lines().count() - 1;
    append_all(&journal, &all[durable..])?;
    locked.fold(journal)
}

#[test]
fn every_prefix_of_a_journal_opens_to_what_its_whole_records_say() {
    let (dir, base, last) = example();
    let all = second_apply();
    let locked = store(Disk::default(), dir.path()).lock(&holder()).expect("the lock");
    let journal = locked.begin(header()).expect("a journal");
    append_each(&journal, &all).1.expect("appending");
    drop((journal, locked));
    let path = dir.path().join("mprov.state.journal");
    let bytes = fs::read(&path).expect("the journal");

    let mut ends = vec![];
    for len in 0..=bytes.len() {
        fs::write(&path, &bytes[..len]).expect("writing");
        let whole = bytes[..len].iter().filter(|b| **b == b'\n').count();
        let store = store(Disk::default(), dir.path());
        assert_eq!(store.state().expect("readable").as_ref(), Some(&base), "{len} bytes");
        match store.pending().unwrap_or_else(|e| panic!("{len} bytes: {e}")) {
            None => assert_eq!(whole, 0, "{len} bytes"),
            Some(pending) => check_pending(&pending, &base, &all[..whole - 1]),
        }
        if ends.len() < whole + 1 {
            ends.push(len);
        }
    }
    assert_eq!(ends.len(), all.len() + 2);

    // Going on from there ends where the uninterrupted apply did.
    for len in ends.iter().flat_map(|end| [*end, end + 1, end + 20, end.saturating_sub(1)]) {
        let crashed = tempfile::tempdir().expect("a folder");
        copy(dir.path(), crashed.path());
        let torn = &bytes[..len.min(bytes.len())];
        fs::write(crashed.path().join("mprov.state.journal"), torn).expect("writing");
        let state = finish(crashed.path(), &all).unwrap_or_else(|e| panic!("{len} bytes: {e}"));
        assert!(state.same_content(&last), "{len} bytes");
        assert_eq!(state.serial, 2);
        assert!(!crashed.path().join("mprov.state.journal").exists());
    }
}

#[test]
fn a_crash_before_any_file_operation_loses_nothing() {
    let (dir, base, last) = example();
    let all = second_apply();
    let mut operations = 0;
    loop {
        let crashed = tempfile::tempdir().expect("a folder");
        copy(dir.path(), crashed.path());
        let fuse = Fuse::after(operations);
        let (durable, result) = apply_on(Disk { fuse: fuse.clone() }, crashed.path(), &all);

        let after = store(Disk::default(), crashed.path());
        let state = after.state().expect("readable").expect("never gone");
        match after.pending().unwrap_or_else(|e| panic!("after {operations}: {e}")) {
            Some(pending) => {
                assert_eq!(state, base);
                let text = fs::read_to_string(crashed.path().join("mprov.state.journal")).expect("text");
                let whole = text.matches('\n').count() - 1;
                assert!(whole >= durable, "after {operations}: {durable} acknowledged, {whole} there");
                check_pending(&pending, &base, &all[..whole]);
            }
            None if durable == 0 && state.serial == 1 => assert_eq!(state, base),
            None => assert!(state.same_content(&last), "after {operations}"),
        }
        let finished = finish(crashed.path(), &all).unwrap_or_else(|e| panic!("after {operations}: {e}"));
        assert!(finished.same_content(&last) && finished.serial == 2, "after {operations}");
        let kept = after.version(1).expect("readable").expect("kept");
        assert_eq!(kept, base);

        // The next apply finds nothing in its way.
        let locked = after.lock(&holder()).expect("the lock");
        let journal = locked.begin(header()).expect("a journal");
        assert_eq!(locked.fold(journal).expect("folding").serial, 2);
        if result.is_ok() {
            break;
        }
        operations += 1;
    }
    assert!(operations > 40, "only {operations} operations");
}

#[test]
fn a_crash_during_the_very_first_apply_loses_nothing() {
    let secret = mprov_sdk::Value::from("hunter2").sensitive();
    let apply = |disk: Disk, dir: &Path| -> Result<State, StateError> {
        let store = store(disk, dir);
        store.state()?;
        let sealed = crate::RawJson::encode_value(&secret, store.keys())?;
        let locked = store.lock(&holder())?;
        let journal = match locked.resume()? {
            Some(journal) => journal,
            None if locked.state()?.is_some() => return Ok(locked.state()?.expect("it was there")),
            None => locked.begin(header())?,
        };
        let output = crate::StoredOutput { value: sealed, sensitive: true };
        let outputs = Record::Outputs([("password".to_owned(), output)].into());
        append_each(&journal, &[outputs]).1?;
        locked.fold(journal)
    };
    let mut operations = 0;
    loop {
        let dir = tempfile::tempdir().expect("a folder");
        let result = apply(Disk { fuse: Fuse::after(operations) }, dir.path());
        let state = apply(Disk::default(), dir.path()).unwrap_or_else(|e| panic!("after {operations}: {e}"));
        assert_eq!(state.serial, 1, "after {operations}");
        assert_eq!(state.recipients.len(), 1, "after {operations}");
        let opened = state.outputs["password"].value.decode_value(store(Disk::default(), dir.path()).keys());
        assert_eq!(opened.unwrap_or_else(|e| panic!("after {operations}: {e}")), secret);
        if result.is_ok() {
            break;
        }
        operations += 1;
    }
    assert!(operations > 20, "only {operations} operations");
}

#[test]
fn nothing_is_given_up_before_its_successor_is_durable() {
    let (dir, ..) = example();
    let fuse = Fuse::default();
    let (_, result) = apply_on(Disk { fuse: fuse.clone() }, dir.path(), &second_apply());
    result.expect("no fuse blows");
    let trace = fuse.trace();
    let fold = trace.iter().position(|t| t == "create history").expect("the fold");
    let folder = format!("sync folder {}", dir.path().file_name().expect("a name").to_string_lossy());
    let expected = [
        "create history",
        "remove 1.json.new",
        "link 1.json.new",
        "rename 1.json",
        "sync folder history",
        "create mprov.state.json.new",
        "write mprov.state.json.new",
        "sync mprov.state.json.new",
        "rename mprov.state.json",
        &folder,
        "remove mprov.state.journal",
        &folder,
    ];
    assert_eq!(trace[fold..], expected);
    let begun = trace.iter().position(|t| t == "create mprov.state.journal").expect("the journal");
    let expected =
        ["create mprov.state.journal", "write mprov.state.journal", "sync mprov.state.journal", &folder];
    assert_eq!(trace[begun..begun + 4], expected);
}

/// The second apply; how many of its records were acknowledged, and how it ended.
fn apply_on(disk: Disk, dir: &Path, all: &[Record]) -> (usize, Result<(), StateError>) {
    let begun = store(disk, dir).lock(&holder()).and_then(|locked| {
        let journal = locked.begin(header())?;
        Ok((locked, journal))
    });
    let (locked, journal) = match begun {
        Ok(begun) => begun,
        Err(error) => return (0, Err(error)),
    };
    match append_each(&journal, all) {
        (durable, Ok(())) => (durable, locked.fold(journal).map(drop)),
        stopped => stopped,
    }
}
