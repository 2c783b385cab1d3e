use std::collections::BTreeMap;
use std::path::PathBuf;

use mprov_sdk::{Diagnostic, Diagnostics, Name, Value};

use crate::catalog::Blueprints;
use crate::config::load::variables::{Inputs, resolve};
use crate::config::load::{load, load_snapshot, snapshot};
use crate::config::{Configuration, Sources};
use crate::plan::SavedPlan;

use super::context::Context;
use super::failure::Failure;
use super::variables::{GivenVariable, GivenVariables};

/// A configuration without errors, and all texts that places in messages can be in.
pub struct Loaded {
    pub configuration: Configuration,
    /// Those of the configuration, then files with values of variables.
    pub sources: Sources,
}

impl Loaded {
    /// What can be understood of the folder, and what is wrong with it. Where something is, what
    /// the schemas of the providers find in the rest is among it.
    pub fn read(context: &Context) -> (Option<Configuration>, Sources, Diagnostics) {
        let (configuration, sources, mut diagnostics) = load(&context.dir, &Blueprints);
        if let Some(understood) = &configuration
            && diagnostics.has_errors()
        {
            diagnostics.extend(further_errors(context, understood, &diagnostics));
        }
        (configuration, sources, diagnostics.sorted())
    }

    /// Of the folder. Warnings are shown.
    pub fn from_folder(context: &Context) -> Result<Self, Failure> {
        let (loaded, warnings) = Self::whole(Self::read(context))?;
        context.tell(&warnings, &loaded.sources);
        Ok(loaded)
    }

    /// As it was when the plan was saved. Warnings were shown then.
    pub fn from_plan(saved: &SavedPlan) -> Result<Self, Failure> {
        Ok(Self::whole(load_snapshot(&saved.files))?.0)
    }

    /// What a saved plan keeps of it.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        snapshot(&self.configuration.sources)
    }

    /// The values of the root module's variables: environment, automatic files, then what the
    /// command line says, in its order.
    pub fn variables(
        &mut self,
        context: &Context,
        given: &GivenVariables,
    ) -> Result<BTreeMap<Name, Value>, Failure> {
        let mut inputs = Inputs::default();
        inputs.environment(&context.environment.variables);
        let mut diagnostics = inputs.automatic_files(&context.dir, &mut self.sources);
        for one in &given.0 {
            match one {
                GivenVariable::Value(argument) => {
                    if let Err(malformed) = inputs.flag(argument) {
                        diagnostics.push(malformed);
                    }
                }
                GivenVariable::File(path) => {
                    let path = context.dir.join(path);
                    diagnostics.extend(inputs.file(&path, &mut self.sources));
                }
            }
        }
        let (values, found) = resolve(&self.configuration.root, &inputs);
        diagnostics.extend(found);
        if diagnostics.has_errors() {
            return Err(Failure::in_sources(diagnostics.sorted(), &self.sources));
        }
        context.tell(&diagnostics.sorted(), &self.sources);
        Ok(values)
    }

    fn whole(
        (configuration, sources, diagnostics): (Option<Configuration>, Sources, Diagnostics),
    ) -> Result<(Self, Diagnostics), Failure> {
        match configuration {
            Some(configuration) if !diagnostics.has_errors() => {
                Ok((Self { configuration, sources }, diagnostics))
            }
            _ => Err(Failure { diagnostics, sources }),
        }
    }
}

/// Errors at places where none was found yet: what stands at the same place is an echo.
fn further_errors(context: &Context, understood: &Configuration, known: &Diagnostics) -> Diagnostics {
    let Ok(workspace) = context.looking() else { return Diagnostics::new() };
    let Err(found) = workspace.validate(understood) else { return Diagnostics::new() };
    let is_new = |one: &Diagnostic| one.span.is_some() && known.iter().all(|k| k.span != one.span);
    found.into_iter().filter(is_new).collect()
}
