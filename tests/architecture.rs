//! Holds the rules of the house against the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below the folder with that ending, their paths relative to the repository.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.map(|e| e.expect("a readable folder").path()) {
            let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
            if entry.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(entry);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&entry).expect("a text file");
                let path = entry.strip_prefix(root()).expect("is below").to_string_lossy().into_owned();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<(String, String)> {
    ["src", "providers", "state", "tests", "benches"].iter().flat_map(|f| files(f, ".rs")).collect()
}

/// The text before its unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().expect("split gives at least one")
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

#[track_caller]
fn none(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn each_room_imports_only_the_rooms_before_it() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("config", &[] as &[&str]),
        ("graph", &[]),
        ("plan", &["config", "graph"]),
        ("engine", &["graph", "plan"]),
        ("workspace", &["config", "plan", "engine"]),
        ("view", &["config", "plan", "engine", "workspace"]),
        ("catalog", &["config"]),
    ]);
    let mut broken = Vec::new();
    for (path, text) in files("src", ".rs") {
        let room = path.trim_start_matches("src/").split(['/', '.']).next().expect("a room").to_owned();
        let Some(allowed) = allowed.get(room.as_str()) else { continue };
        for (number, line) in without_tests(&text).lines().enumerate() {
            let imports = line.match_indices("crate::").map(|(at, found)| &line[at + found.len()..]);
            for import in imports {
                let target: String =
                    import.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if !target.is_empty() && target != room && !allowed.contains(&target.as_str()) {
                    broken.push(format!("{path}:{}: {room} uses {target}", number + 1));
                }
            }
        }
    }
    none("a room imports only the rooms before it", broken);
}

#[test]
fn the_engine_does_not_build_plans() {
    let building = ["Planner", "PlanOptions", "Evaluator", "Nodes", "plan::plan"];
    let broken = files("src/engine", ".rs")
        .into_iter()
        .filter(|(_, text)| building.iter().any(|b| text.contains(b)))
        .map(|(path, _)| path)
        .collect();
    none("the engine executes plans and does not make them", broken);
}

#[test]
fn providers_and_state_depend_on_the_sdk_only() {
    let mut broken = Vec::new();
    for (path, text) in files("providers", "Cargo.toml").into_iter().chain(files("state", "Cargo.toml")) {
        let used = text.lines().filter(|l| l.starts_with("mprov") && !l.starts_with("mprov-sdk"));
        broken.extend(used.map(|l| format!("{path}: {l}")));
        if path == "providers/sdk/Cargo.toml" && text.contains("mprov-sdk.workspace") {
            broken.push(format!("{path}: the sdk depends on no other crate"));
        }
    }
    none("a provider and the state know the sdk and nobody else", broken);
}

#[test]
fn only_the_catalog_names_providers() {
    let broken = files("src", ".rs")
        .into_iter()
        .filter(|(path, text)| path != "src/catalog.rs" && without_tests(text).contains("mprov_provider_"))
        .map(|(path, _)| path)
        .collect();
    none("src/catalog.rs is the one place that names the concrete providers", broken);
}

#[test]
fn only_the_view_prints() {
    let printing = ["println!", "print!(", "eprintln!", "eprint!(", "io::stdout", "io::stderr"];
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        if path.starts_with("src/view/") || path.starts_with("benches/") || is_test_file(&path) {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            if !line.trim_start().starts_with("//") && printing.iter().any(|p| line.contains(p)) {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("only view prints", broken);
}

#[test]
fn only_the_command_line_reads_environment_and_clock() {
    let sources = ["std::env::", "env::var", "SystemTime::now", "Zoned::now", "Timestamp::now"];
    let mut broken = Vec::new();
    for (path, text) in files("src", ".rs") {
        if path.starts_with("src/cli/") || path == "src/main.rs" || is_test_file(&path) {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            if sources.iter().any(|s| line.contains(s)) {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("only cli reads the environment and the clock", broken);
}

#[test]
fn only_the_state_crate_writes_state() {
    let broken = rust_files()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("state/") && !is_test_file(path))
        .filter(|(_, text)| without_tests(text).contains("\"mprov.state"))
        .map(|(path, _)| path)
        .collect();
    none("only state knows the files of the state", broken);
}

#[test]
fn files_are_of_a_size_that_can_be_read() {
    let broken = rust_files()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 800)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none("no file has more than 800 lines", broken);
}

#[test]
fn module_files_only_list() {
    let is_list = |path: &str| path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    let broken = rust_files()
        .into_iter()
        .filter(|(path, _)| is_list(path) && !is_test_file(path))
        .filter(|(_, text)| {
            let mut lines = text.lines().map(str::trim_start);
            lines.any(|l| l.starts_with("fn ") || l.starts_with("impl ") || l.starts_with("pub fn "))
        })
        .map(|(path, _)| path)
        .collect();
    none("mod.rs and lib.rs list and re-export, nothing else", broken);
}

#[test]
fn one_tls_library() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let broken = ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "openssl", "native-tls", "boring"]
        .into_iter()
        .filter(|name| lock.contains(&format!("name = \"{name}\"\n")))
        .map(str::to_owned)
        .collect();
    none("ring is the only TLS library in the tree", broken);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX:", "todo!(", "unimplemented!("];
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        if path == "tests/architecture.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|m| line.contains(m)) || line.trim_start().starts_with("#[ignore") {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("no marks of unfinished work, no ignored tests", broken);
}
