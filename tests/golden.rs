//! Golden transcripts: `tests/golden/<case>/` holds a configuration, a `script` of commands and
//! edits of the simulated world, and the `transcript` they have to give. With `MPROV_UPDATE=1` the
//! transcripts are written anew: read the difference before you commit it.
//!
//! Lines of a script: `mprov …` runs the program; `copy FROM TO` puts a file of the case in place;
//! `rm FILE` takes one away; `edit NAME {"value": …}` and `remove NAME` change the world behind
//! mprov's back.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use support::Folder;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("tests/golden")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.join("script").exists())
        .collect();
    cases.sort();
    cases
}

#[test]
fn transcripts_are_as_recorded() {
    let update = std::env::var_os("MPROV_UPDATE").is_some();
    let cases = cases();
    assert!(!cases.is_empty(), "there are cases");
    let mut differing = Vec::new();
    for case in cases {
        let name = case.file_name().expect("a name").to_string_lossy().into_owned();
        let transcript = run(&case);
        let path = case.join("transcript");
        if update {
            fs::write(&path, &transcript).expect("the transcript is written");
            continue;
        }
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        if recorded != transcript {
            differing.push(format!("=== {name}\n{}", first_difference(&recorded, &transcript)));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn run(case: &Path) -> String {
    let folder = Folder::new();
    copy_all(case, &folder.path());
    let script = fs::read_to_string(case.join("script")).expect("a script");
    let mut transcript = String::new();
    for line in script.lines().filter(|l| !l.trim().is_empty()) {
        writeln!(transcript, "$ {line}").expect("a string");
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words[..] {
            ["#", ..] => {}
            ["copy", from, to] => {
                fs::copy(case.join(from), folder.path().join(to)).expect("a file of the case");
            }
            ["rm", file] => fs::remove_file(folder.path().join(file)).expect("a file to remove"),
            ["edit", name, change] => edit(&folder, name, change),
            ["remove", name] => {
                assert!(folder.world().remove(&id_of(&folder, name)).expect("the world"), "{name} was there");
            }
            ["mprov", ..] => {
                let arguments: Vec<&str> = line.split(' ').skip(1).collect();
                let ended = folder.run(&arguments);
                transcript.push_str(&normal(&ended.stdout, &folder));
                transcript.push_str(&normal(&ended.stderr, &folder));
                writeln!(transcript, "[exit {}]", ended.code.unwrap_or(-1)).expect("a string");
            }
            _ => panic!("{}: no such line in a script: {line}", case.display()),
        }
    }
    transcript
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy_all(&path, &target);
        } else if path.extension().is_some_and(|e| e == "hcl") {
            fs::copy(&path, &target).expect("a file");
        }
    }
}

fn id_of(folder: &Folder, name: &str) -> String {
    let objects = folder.world().objects().expect("the world");
    let named =
        |o: &mprov_provider_sim::WorldObject| o.attributes.get("name").and_then(|n| n.as_str()) == Some(name);
    objects.into_iter().find(named).unwrap_or_else(|| panic!("no object is named {name}")).id
}

fn edit(folder: &Folder, name: &str, change: &str) {
    let change: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(change).expect("a change is a JSON object");
    let edited = folder.world().edit(&id_of(folder, name), |object| {
        for (key, value) in change {
            object.attributes.insert(key, value);
        }
    });
    assert!(edited.expect("the world"), "{name} was there");
}

/// Without what differs from run to run.
fn normal(text: &str, folder: &Folder) -> String {
    let text = text.replace(&*folder.path().to_string_lossy(), "<folder>");
    let text = text.replace(&*folder.whole().to_string_lossy(), "<test>");
    let patterns = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\b(after|in|for) [0-9.]+ ?(ms|s)\b", "$1 <time>"),
        (r"\b(?:under|about) \d+ s( read-only|, as the rehearsal)", "<time>$1"),
        (r"\[id=[^\]]*\]", "[id=<id>]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<when>"),
        (r"process \d+", "process <pid>"),
        (r"sim-[0-9a-f]+-\d+", "<sim-id>"),
    ];
    patterns.iter().fold(text, |text, (pattern, with)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

fn first_difference(recorded: &str, now: &str) -> String {
    let lines = recorded.lines().chain(std::iter::repeat("<end>")).zip(now.lines().chain(["<end>"]));
    for (number, (recorded, now)) in lines.enumerate() {
        if recorded != now {
            return format!("line {}:\n- {recorded}\n+ {now}", number + 1);
        }
    }
    "the recorded transcript goes on".to_owned()
}
