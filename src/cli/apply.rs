use std::path::Path;

use serde_json::{Value as Json, json};

use crate::config::Sources;
use crate::plan::PlanMode;
use crate::view;
use crate::workspace::{Planning, outputs};

use super::arguments::{ApplyCommand, DestroyCommand, PlanningOptions, WorkOptions};
use super::configuration::Loaded;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::work::Work;
use super::{plan, plan_file};

pub fn run(context: &Context, command: &ApplyCommand) -> Result<ExitCode, Failure> {
    match (&command.plan_file, command.destroy) {
        (Some(file), _) => saved(context, file, command),
        (None, true) => {
            on_the_spot(context, PlanMode::Destroy, &command.planning, &command.work, Approval::of(command))
        }
        (None, false) => {
            on_the_spot(context, PlanMode::Normal, &command.planning, &command.work, Approval::of(command))
        }
    }
}

pub fn destroy(context: &Context, command: &DestroyCommand) -> Result<ExitCode, Failure> {
    let approval = Approval { auto: command.auto_approve, keep_failed: false };
    on_the_spot(context, PlanMode::Destroy, &command.planning, &command.work, approval)
}

/// A plan that was saved was reviewed when it was: it is not asked about again.
fn saved(context: &Context, file: &Path, command: &ApplyCommand) -> Result<ExitCode, Failure> {
    let path = context.dir.join(file);
    context.block_on(async {
        let mut work = Work::begin(context, &command.work).await?;
        let saved = plan_file::read(&path, &work.workspace)?;
        let loaded = Loaded::from_plan(&saved)?;
        let mode = saved.plan.mode;
        let planning = work
            .workspace
            .restore(saved, &loaded.configuration)
            .map_err(|diagnostics| Failure::in_sources(diagnostics, &loaded.sources))?;
        carry_out(context, &mut work, planning, command.keep_failed, mode, &loaded.sources).await
    })
}

/// How a plan gets from being shown to being carried out.
#[derive(Clone, Copy)]
pub struct Approval {
    /// Nobody is asked.
    pub auto: bool,
    pub keep_failed: bool,
}

impl Approval {
    fn of(command: &ApplyCommand) -> Self {
        Self { auto: command.auto_approve, keep_failed: command.keep_failed }
    }
}

fn on_the_spot(
    context: &Context,
    mode: PlanMode,
    planning: &PlanningOptions,
    options: &WorkOptions,
    approval: Approval,
) -> Result<ExitCode, Failure> {
    let mut loaded = Loaded::from_folder(context)?;
    let ask = plan::asked(context, &mut loaded, planning, mode)?;
    context.block_on(async {
        let mut work = Work::begin(context, options).await?;
        let planning = plan::make(context, &mut work, &loaded, ask).await?;
        shown(context, &mut work, planning, approval, options, &loaded.sources).await
    })
}

/// Shows a plan that was just made, and carries it out when it is approved.
pub async fn shown(
    context: &Context,
    work: &mut Work,
    planning: Planning,
    approval: Approval,
    options: &WorkOptions,
    sources: &Sources,
) -> Result<ExitCode, Failure> {
    let mode = planning.plan.mode;
    plan::show(context, &planning.plan, sources);
    plan::refuse(&planning.plan, sources)?;
    if !approval.auto && !planning.plan.is_empty() {
        super::approval::ask(&context.screen, mode, options.input, &work.stop).await?;
    }
    carry_out(context, work, planning, approval.keep_failed, mode, sources).await
}

async fn carry_out(
    context: &Context,
    work: &mut Work,
    planning: Planning,
    keep_failed: bool,
    mode: PlanMode,
    sources: &Sources,
) -> Result<ExitCode, Failure> {
    let empty = planning.plan.is_empty();
    if !empty {
        context.screen.talk("\n");
    }
    work.report(context);
    let report = work.workspace.apply(&work.locked, planning, keep_failed).await;
    work.quiet();
    let report = report.map_err(|diagnostics| Failure::in_sources(diagnostics, sources))?;
    if !report.failures.is_empty() {
        context.screen.talk("\n");
        context.tell(&report.failures, sources);
    }
    if !empty {
        context.screen.talk(&view::report::render(&report, mode, context.screen.talk_style()));
    }
    context.json_line("report", view::report::json(&report));
    work.tell_about_key(context);
    if mode == PlanMode::Normal && report.is_success() {
        show_outputs(context, work)?;
    }
    Ok(ExitCode::of_report(&report))
}

fn show_outputs(context: &Context, work: &Work) -> Result<(), Failure> {
    let Some(state) = work.workspace.state()? else { return Ok(()) };
    let outputs = outputs(&state, work.workspace.store.keys())?;
    context.json_line("outputs", json!({ "outputs": Json::Object(view::output::json(&outputs)) }));
    if outputs.is_empty() || context.json {
        return Ok(());
    }
    let text = view::output::list(&outputs, context.screen.out_style());
    context.screen.out(&format!("\nOutputs:\n\n{text}"));
    Ok(())
}
