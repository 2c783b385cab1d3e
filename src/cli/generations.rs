use crate::plan::module_of;
use crate::view;
use crate::workspace::stored;

use super::arguments::GenerationsOptions;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;

/// Lists the generations that are recorded, with the room that they take.
pub fn run(context: &Context, options: &GenerationsOptions) -> Result<ExitCode, Failure> {
    let workspace = context.looking()?;
    let Some(state) = workspace.state()? else {
        match options.json {
            true => context.screen.out_json(&view::generations::json(&[])),
            false => context.screen.talk("There is no state yet: nothing was applied here.\n"),
        }
        return Ok(ExitCode::Done);
    };
    let recorded = stored(Some(&state), &workspace.kinds, workspace.store.keys())?;
    let module = options.module.as_deref().map(|named| module_of(&recorded, Some(named))).transpose()?;
    let rows =
        context.block_on(async { Ok(workspace.generations(&state, &recorded, module.as_deref()).await) })?;
    match options.json {
        true => context.screen.out_json(&view::generations::json(&rows)),
        false if rows.is_empty() => context.screen.talk("No module has generations.\n"),
        false => context.screen.out(&view::generations::table(&rows)),
    }
    Ok(ExitCode::Done)
}
