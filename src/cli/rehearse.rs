use crate::plan::{PlanMode, module_of};
use crate::workspace::{Ask, stored};

use super::apply::{Approval, shown};
use super::arguments::RehearseCommand;
use super::configuration::Loaded;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::plan;
use super::work::Work;

/// Makes the next generation of a module in the role `staging`: users notice nothing of it.
pub fn run(context: &Context, command: &RehearseCommand) -> Result<ExitCode, Failure> {
    let mut loaded = Loaded::from_folder(context)?;
    let variables = loaded.variables(context, &command.variables)?;
    context.block_on(async {
        let mut work = Work::begin(context, &command.work).await?;
        let state = work.workspace.store.state()?;
        let recorded = stored(state.as_ref(), &work.workspace.kinds, work.workspace.store.keys())?;
        let module = module_of(&recorded, command.module.as_deref())?;
        let ask = Ask {
            mode: PlanMode::Rehearse,
            targets: vec![module.clone()],
            rehearse: Some(module),
            refresh: true,
            variables,
        };
        let planning = plan::make(context, &mut work, &loaded, ask).await?;
        let approval = Approval { auto: command.auto_approve, keep_failed: command.keep_failed };
        shown(context, &mut work, planning, approval, &command.work, &loaded.sources).await
    })
}
