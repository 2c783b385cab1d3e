use std::path::Path;

use crate::view;
use crate::view::state::StateInstance;
use crate::workspace::{Workspace, outputs, stored};

use super::arguments::ShowOptions;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::plan_file;
use super::state::{deposed, instance};

pub fn run(context: &Context, options: &ShowOptions) -> Result<ExitCode, Failure> {
    let workspace = context.looking()?;
    match &options.plan_file {
        Some(file) => plan(context, &workspace, file, options.json)?,
        None => state(context, &workspace, options.json)?,
    }
    Ok(ExitCode::Done)
}

fn plan(context: &Context, workspace: &Workspace, file: &Path, json: bool) -> Result<(), Failure> {
    let saved = plan_file::read(&context.dir.join(file), workspace)?;
    match json {
        true => context.screen.out_json(&view::plan::json(&saved.plan)),
        false => context.screen.out(&view::plan::render(&saved.plan, context.screen.out_style())),
    }
    Ok(())
}

fn state(context: &Context, workspace: &Workspace, json: bool) -> Result<(), Failure> {
    let state = workspace.state()?;
    let Some(state) = state else {
        match json {
            true => context.screen.out_json(&view::state::document(None, 0, [], Default::default())),
            false => context.screen.talk("There is no state yet: nothing was applied here.\n"),
        }
        return Ok(());
    };
    let keys = workspace.store.keys();
    let recorded = stored(Some(&state), &workspace.kinds, keys)?;
    let outputs = outputs(&state, keys)?;
    let instances: Vec<StateInstance<'_>> = recorded
        .instances
        .iter()
        .map(|(address, stored)| instance(address, stored))
        .chain(recorded.deposed.iter().map(deposed))
        .collect();
    if json {
        let outputs = view::output::json(&outputs);
        let document = view::state::document(Some(&state.lineage), state.serial, instances, outputs);
        context.screen.out_json(&document);
        return Ok(());
    }
    let style = context.screen.out_style();
    let blocks: Vec<String> = instances.iter().map(|i| view::state::show(i, style)).collect();
    context.screen.out(&blocks.join("\n"));
    if !outputs.is_empty() {
        context.screen.out(&format!("\nOutputs:\n\n{}", view::output::list(&outputs, style)));
    }
    Ok(())
}
