//! Loading as users meet it: files in a folder on a real disk, or texts kept from one.

mod bad_input;
mod modules;
mod splitting;
mod typed;
mod values;

use std::fs;

use mprov_sdk::{Diagnostic, Diagnostics};
use tempfile::TempDir;

use super::{ModuleSources, load, load_snapshot};
use crate::config::{Configuration, Sources};

/// One built-in module of two files, in two folders.
struct Builtins;

impl ModuleSources for Builtins {
    fn builtin(&self, source: &str) -> Option<Vec<(String, String)>> {
        let text = match source {
            "mprov:moodle/small" => {
                "module \"db\" {\n  source = \"../db\"\n}\noutput \"url\" {\n  value = module.db.url\n}\n"
            }
            "mprov:moodle/db" => "output \"url\" {\n  value = path.module\n}\n",
            _ => return None,
        };
        Some(vec![("main.mprov.hcl".into(), text.into())])
    }

    fn available(&self) -> Vec<String> {
        vec!["mprov:moodle/db".into(), "mprov:moodle/small".into()]
    }
}

type Outcome = (Option<Configuration>, Sources, Diagnostics);

/// Writes the files into a new folder and loads it.
fn load_files(files: &[(&str, &str)]) -> (TempDir, Outcome) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let outcome = load(dir.path(), &Builtins);
    (dir, outcome)
}

/// Loads one text as `main.mprov.hcl`.
fn load_text(text: &str) -> Outcome {
    load_snapshot(&[("main.mprov.hcl".into(), text.into())])
}

/// A configuration without any diagnostic.
fn good(files: &[(&str, &str)]) -> Configuration {
    let (_dir, (configuration, sources, diagnostics)) = load_files(files);
    assert!(diagnostics.is_empty(), "{:#?}", places(&diagnostics, &sources));
    configuration.expect("a configuration")
}

/// Each diagnostic as `file:line MPcode summary`.
fn places(diagnostics: &Diagnostics, sources: &Sources) -> Vec<String> {
    diagnostics.iter().map(|d| format!("{} {} {}", place(d, sources), d.code, d.summary)).collect()
}

fn place(diagnostic: &Diagnostic, sources: &Sources) -> String {
    match diagnostic.span {
        None => "-".into(),
        Some(span) => {
            let file = sources.get(span.source);
            let before = &file.text.as_bytes()[..span.start as usize];
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            format!("{}:{line}", file.name.display())
        }
    }
}

/// Line and code of each diagnostic of one text.
fn faults(text: &str) -> Vec<(usize, u16)> {
    let (_, sources, diagnostics) = load_text(text);
    let line =
        |d: &Diagnostic| place(d, &sources).rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    diagnostics.iter().map(|d| (line(d), d.code.0)).collect()
}
