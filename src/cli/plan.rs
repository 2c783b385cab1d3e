use mprov_sdk::Diagnostics;
use serde_json::json;

use crate::config::Sources;
use crate::plan::{Plan, PlanMode};
use crate::view;
use crate::workspace::{Ask, Planning};

use super::arguments::{PlanCommand, PlanningOptions};
use super::configuration::Loaded;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::plan_file;
use super::work::Work;

pub fn run(context: &Context, command: &PlanCommand) -> Result<ExitCode, Failure> {
    let mut loaded = Loaded::from_folder(context)?;
    let mode = if command.destroy { PlanMode::Destroy } else { PlanMode::Normal };
    let ask = asked(context, &mut loaded, &command.planning, mode)?;
    context.block_on(async {
        let mut work = Work::begin(context, &command.work).await?;
        let planning = make(context, &mut work, &loaded, ask).await?;
        show(context, &planning.plan, &loaded.sources);
        let pending = !planning.plan.is_empty();
        refuse(&planning.plan, &loaded.sources)?;
        if let Some(path) = &command.out {
            let saved = planning.save(loaded.files());
            plan_file::write(&context.dir.join(path), &saved, &work.workspace)?;
            context.screen.talk(&format!(
                "\nThe plan was saved. To carry out exactly this:\n  mprov apply {}\n",
                path.display()
            ));
        }
        work.tell_about_key(context);
        Ok(match pending && command.detailed_exitcode {
            true => ExitCode::ChangesPending,
            false => ExitCode::Done,
        })
    })
}

/// A plan that no apply would carry out is shown, and no more.
///
/// # Errors
/// The plan says itself why it must not be carried out.
pub fn refuse(plan: &Plan, sources: &Sources) -> Result<(), Failure> {
    match plan.refusals.has_errors() {
        true => Err(Failure::in_sources(plan.refusals.clone(), sources)),
        false => Ok(()),
    }
}

/// What the options ask for, with the values of the variables.
pub fn asked(
    context: &Context,
    loaded: &mut Loaded,
    options: &PlanningOptions,
    mode: PlanMode,
) -> Result<Ask, Failure> {
    Ok(Ask {
        mode,
        targets: options.target.clone(),
        rehearse: None,
        refresh: options.refresh,
        variables: loaded.variables(context, &options.variables)?,
    })
}

/// Makes the plan, while it is shown what is looked at.
pub async fn make(
    context: &Context,
    work: &mut Work,
    loaded: &Loaded,
    ask: Ask,
) -> Result<Planning, Failure> {
    work.report(context);
    let planning = work.workspace.plan(&work.locked, &loaded.configuration, ask).await;
    work.quiet();
    planning.map_err(|diagnostics| Failure::in_sources(diagnostics, &loaded.sources))
}

/// Shows a plan: in words, and to programs too where they listen.
pub fn show(context: &Context, plan: &Plan, sources: &Sources) {
    match context.json {
        true => context.json_line("plan", json!({ "plan": view::plan::json(plan) })),
        false => context.screen.out(&view::plan::render(plan, context.screen.out_style())),
    }
    let warnings: Diagnostics = plan.warnings.clone();
    if !warnings.is_empty() {
        context.screen.talk("\n");
        context.tell(&warnings, sources);
    }
}
