use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mprov_sdk::{Diagnostic, Diagnostics, Name, SourceId, Span};

use super::blocks::{Builder, PendingCall};
use super::check::{Checked, check_call, check_module, check_root};
use super::files::{EXTENSION, FileSource, ModuleFile, text};
use super::parse::parse;
use super::place::ModulePlace;
use crate::config::eval::did_you_mean;
use crate::config::{Module, ModuleCall, Sources};

/// Calls in calls.
const DEPTH_LIMIT: usize = 32;
/// Modules in the tree of calls, each counted as often as it is called.
const TREE_LIMIT: usize = 10_000;

/// Loads modules, each place once.
pub struct Loader<'a> {
    files: &'a dyn FileSource,
    /// How the root's folder is called in messages.
    root_name: &'a Path,
    pub sources: Sources,
    pub diagnostics: Diagnostics,
    loaded: BTreeMap<ModulePlace, Option<Loaded>>,
    /// The modules that are being loaded, the root first.
    chain: Vec<ModulePlace>,
}

/// A module with all that it calls.
#[derive(Clone)]
pub struct Loaded {
    pub module: Arc<Module>,
    pub checked: Arc<Checked>,
    /// Levels of calls below it.
    height: usize,
    /// Modules in its tree, itself included.
    size: usize,
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a dyn FileSource, root_name: &'a Path) -> Self {
        Self {
            files,
            root_name,
            sources: Sources::default(),
            diagnostics: Diagnostics::new(),
            loaded: BTreeMap::new(),
            chain: Vec::new(),
        }
    }

    /// The root module; none where there is no configuration at all.
    pub fn root(&mut self) -> Option<Arc<Module>> {
        let loaded = self.module(&ModulePlace::root(), None)?;
        check_root(&loaded.checked, &mut self.diagnostics);
        Some(loaded.module)
    }

    /// The module of a place. `caller` is the source argument of the call, none for the root.
    fn module(&mut self, place: &ModulePlace, caller: Option<Span>) -> Option<Loaded> {
        if let Some(known) = self.loaded.get(place) {
            return known.clone();
        }
        self.chain.push(place.clone());
        let loaded = self.fresh_module(place, caller);
        self.chain.pop();
        self.loaded.insert(place.clone(), loaded.clone());
        loaded
    }

    fn fresh_module(&mut self, place: &ModulePlace, caller: Option<Span>) -> Option<Loaded> {
        let files = match self.files.module(place) {
            Ok(files) => files,
            Err(error) => {
                let diagnostic = self.unlisted(place, &error, caller);
                self.diagnostics.push(diagnostic);
                return None;
            }
        };
        if files.is_empty() {
            let diagnostic = self.empty(place, caller);
            self.diagnostics.push(diagnostic);
            return None;
        }
        let mut builder = Builder::default();
        builder.module.dir = place.path_module();
        for file in files {
            match self.text(place, file) {
                Some((source, text)) => {
                    let parsed = parse(source, &text, &mut self.diagnostics);
                    builder.file(parsed, &text, &mut self.diagnostics);
                }
                None => builder.incomplete = true,
            }
        }
        let Builder { mut module, calls, mut incomplete } = builder;
        let mut children = BTreeMap::new();
        for call in calls {
            match self.call(place, &call) {
                Some(loaded) => {
                    children.insert(call.name.clone(), loaded.clone());
                    module.calls.insert(call.name.clone(), finished(call, loaded.module));
                }
                None => incomplete = true,
            }
        }
        self.finish(module, children, incomplete)
    }

    fn finish(
        &mut self,
        module: Module,
        children: BTreeMap<Name, Loaded>,
        incomplete: bool,
    ) -> Option<Loaded> {
        let checked: BTreeMap<_, _> =
            children.iter().map(|(name, l)| (name.clone(), l.checked.clone())).collect();
        for (name, call) in &module.calls {
            check_call(name, call, &checked[name], &mut self.diagnostics);
        }
        let checked = Arc::new(check_module(&module, &checked, incomplete, &mut self.diagnostics));
        Some(Loaded {
            module: Arc::new(module),
            checked,
            height: children.values().map(|c| c.height + 1).max().unwrap_or(0),
            size: children.values().fold(1, |sum, child| sum.saturating_add(child.size)),
        })
    }

    /// The module that a call means.
    fn call(&mut self, caller: &ModulePlace, call: &PendingCall) -> Option<Loaded> {
        let error = |code, summary: String| Diagnostic::error(code, summary).at(call.source_span);
        let place = match caller.join(&call.source) {
            Ok(place) => place,
            Err(advice) => {
                let summary = format!("\"{}\" is not a place that modules are read from", call.source);
                self.diagnostics.push(error(1440, summary).detail(advice));
                return None;
            }
        };
        if let Some(first) = self.chain.iter().position(|p| *p == place) {
            let round: Vec<String> =
                self.chain[first..].iter().chain([&place]).map(|p| p.to_string()).collect();
            self.diagnostics.push(
                error(1442, "this module calls itself".to_owned())
                    .here(round.join(" -> "))
                    .detail("A module cannot contain itself. Move what both need into a module of its own."),
            );
            return None;
        }
        if self.chain.len() > DEPTH_LIMIT {
            self.diagnostics.push(too_deep(call.source_span));
            return None;
        }
        let loaded = self.module(&place, Some(call.source_span))?;
        if self.chain.len() + loaded.height > DEPTH_LIMIT {
            self.diagnostics.push(too_deep(call.source_span));
            return None;
        }
        if loaded.size > TREE_LIMIT {
            self.diagnostics.push(
                error(1443, format!("this call brings in more than {TREE_LIMIT} modules")).detail(
                    "Modules that call several others multiply. Use for_each in place of many calls.",
                ),
            );
            return None;
        }
        Some(loaded)
    }

    /// The text of a file, as a source of its own.
    fn text(&mut self, place: &ModulePlace, file: ModuleFile) -> Option<(SourceId, Arc<str>)> {
        let name = place.prefix().join(&file.name);
        match text(&name, file.content) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                Some((self.sources.add(name, text.clone()), text))
            }
            Err(error) => {
                self.diagnostics.push(error);
                None
            }
        }
    }

    fn unlisted(&self, place: &ModulePlace, error: &io::Error, caller: Option<Span>) -> Diagnostic {
        if let ModulePlace::Builtin(source) = place {
            let available = self.files.builtins();
            let near = did_you_mean(source, available.iter().map(String::as_str));
            let advice = match near.is_empty() {
                true => format!("There are: {}.", available.join(", ")),
                false => near,
            };
            return Diagnostic::error(1444, format!("there is no built-in module \"{source}\""))
                .at(caller)
                .detail(advice);
        }
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such folder".to_owned(),
            io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::error(1001, format!("the folder {} cannot be read: {reason}", self.folder(place)))
            .at(caller)
    }

    fn empty(&self, place: &ModulePlace, caller: Option<Span>) -> Diagnostic {
        let advice = match caller {
            Some(_) => format!("A module is a folder with files whose names end with {EXTENSION}."),
            None => format!(
                "mprov reads the files of this folder whose names end with {EXTENSION}, such as \
                    main{EXTENSION}. \
                 Go to the folder that has them, or name it with -chdir=DIR."
            ),
        };
        Diagnostic::error(1010, format!("the folder {} has no configuration", self.folder(place)))
            .at(caller)
            .detail(advice)
    }

    fn folder(&self, place: &ModulePlace) -> String {
        match place {
            ModulePlace::Folder(dir) if dir.as_os_str().is_empty() => self.root_name.display().to_string(),
            place => place.to_string(),
        }
    }
}

fn finished(call: PendingCall, module: Arc<Module>) -> ModuleCall {
    ModuleCall {
        arguments: call.arguments,
        repeat: call.repeat,
        depends_on: call.depends_on,
        providers: call.providers,
        rollout: call.rollout,
        module,
        span: call.span,
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(1443, format!("modules call each other through more than {DEPTH_LIMIT} levels"))
        .at(span)
        .detail("Two or three levels are usual: call modules from the root and pass outputs between them.")
}
