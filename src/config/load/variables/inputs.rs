use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mprov_sdk::{Diagnostic, Diagnostics, Name, Span, Value};

use crate::config::Sources;
use crate::config::eval::constant;
use crate::config::load::blocks::is_name;
use crate::config::load::files::{read, text};
use crate::config::load::parse::parse;

/// What the names of environment variables begin with that give variables.
const ENVIRONMENT: &str = "MPROV_VAR_";
/// The file that is read without being asked for.
const DEFAULT_FILE: &str = "mprov.mprovvars.hcl";
const AUTO_EXTENSION: &str = ".auto.mprovvars.hcl";

/// Values given for variables. Later ones win: call the methods in the order environment, automatic
/// files, then files and flags as they stand on the command line.
#[derive(Default)]
pub struct Inputs(Vec<Given>);

pub struct Given {
    pub name: Name,
    pub form: Form,
    pub origin: Origin,
}

pub enum Form {
    /// Evaluated, with its place in a file.
    Value(Value, Span),
    /// Text that the variable's type gives a meaning to.
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Environment,
    File,
    Flag,
}

impl Inputs {
    /// From `MPROV_VAR_name` in a whole environment.
    pub fn environment(&mut self, environment: &BTreeMap<String, String>) {
        for (key, text) in environment {
            if let Some(name) = key.strip_prefix(ENVIRONMENT) {
                self.push(name, Form::Text(text.clone()), Origin::Environment);
            }
        }
    }

    /// From the files that are read without being asked for: `mprov.mprovvars.hcl`, then
    /// `*.auto.mprovvars.hcl` in the order of their names.
    pub fn automatic_files(&mut self, dir: &Path, sources: &mut Sources) -> Diagnostics {
        // That the folder cannot be listed was said when its configuration was loaded.
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_automatic = |name: &String| {
            name == DEFAULT_FILE || (name.ends_with(AUTO_EXTENSION) && !name.starts_with('.'))
        };
        let mut names: Vec<String> = names.filter(is_automatic).collect();
        names.sort_by_key(|name| (name != DEFAULT_FILE, name.clone()));
        let mut diagnostics = Diagnostics::new();
        for name in names {
            diagnostics.extend(self.read(&dir.join(&name), Path::new(&name), sources));
        }
        diagnostics
    }

    /// From a file that `-var-file` names.
    pub fn file(&mut self, path: &Path, sources: &mut Sources) -> Diagnostics {
        self.read(path, path, sources)
    }

    /// From the argument of `-var`, `name=value`.
    pub fn flag(&mut self, argument: &str) -> Result<(), Diagnostic> {
        let malformed =
            |summary: String| Diagnostic::error(1430, summary).detail("Write it as -var 'name=value'.");
        let Some((name, text)) = argument.split_once('=') else {
            return Err(malformed("-var takes a name and a value with an equals sign between".into()));
        };
        let name = name.trim();
        if !is_name(name) {
            return Err(malformed(format!("\"{name}\", given to -var, is not the name of a variable")));
        }
        self.push(name, Form::Text(text.to_owned()), Origin::Flag);
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    fn push(&mut self, name: &str, form: Form, origin: Origin) {
        self.0.push(Given { name: name.into(), form, origin });
    }

    fn read(&mut self, path: &Path, shown: &Path, sources: &mut Sources) -> Diagnostics {
        let text = match text(shown, read(path)) {
            Ok(text) => text,
            Err(error) => return error.into(),
        };
        let mut diagnostics = Diagnostics::new();
        let source = sources.add_secret(shown, text.as_str());
        let parsed = parse(source, &text, &mut diagnostics);
        for block in &parsed.blocks {
            diagnostics.push(
                Diagnostic::error(1011, "files with values of variables have no blocks")
                    .at(block.kind_span)
                    .detail(
                        "Write name = value. Blocks, variable blocks too, belong into files that \
                        end with .mprov.hcl.",
                    ),
            );
        }
        let mut seen: BTreeMap<Name, Span> = BTreeMap::new();
        for (name, argument) in parsed.arguments {
            if let Some(first) = seen.insert(name.clone(), argument.name_span) {
                diagnostics.push(
                    Diagnostic::error(1008, format!("\"{name}\" is set twice"))
                        .at(argument.name_span)
                        .label(first, "first set here")
                        .detail("Remove one of the two."),
                );
                continue;
            }
            match constant(&argument.expr) {
                Ok(value) => self.push(&name, Form::Value(value, argument.expr.span()), Origin::File),
                Err(errors) => diagnostics.extend(errors),
            }
        }
        diagnostics
    }
}
