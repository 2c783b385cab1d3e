use mprov_sdk::Diagnostic;

use crate::config::Sources;
use crate::plan;
use crate::view;
use crate::workspace::Counted;

use super::apply::{Approval, shown};
use super::arguments::{DiscardCommand, RollbackCommand};
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::work::Work;

/// The code of "users have written".
pub const WRITTEN: u16 = 2080;

/// Switches users back. Reads no configuration: what is recorded is enough.
pub fn rollback(context: &Context, command: &RollbackCommand) -> Result<ExitCode, Failure> {
    context.block_on(async {
        let mut work = Work::begin(context, &command.work).await?;
        let (module, to) = (command.module.as_deref(), command.to.as_deref());
        let planning = work.workspace.plan_recorded(&work.locked, |stored, kinds, nonce| {
            plan::rollback(stored, kinds, module, to, nonce)
        })?;
        let counted = work.workspace.written_since_switch(&planning).await;
        if !counted.is_empty() {
            context.screen.talk(&view::generations::written(&counted));
            context.json_line("written", view::generations::written_json(&counted));
        }
        if !command.discard_writes && counted.iter().any(Counted::may_be_lost) {
            return Err(would_be_lost().into());
        }
        let approval = Approval { auto: command.auto_approve, keep_failed: false };
        shown(context, &mut work, planning, approval, &command.work, &Sources::default()).await
    })
}

/// Takes a generation away.
pub fn discard(context: &Context, command: &DiscardCommand) -> Result<ExitCode, Failure> {
    context.block_on(async {
        let mut work = Work::begin(context, &command.work).await?;
        let module = command.module.as_deref();
        let planning = work.workspace.plan_recorded(&work.locked, |stored, kinds, nonce| {
            plan::discard(stored, kinds, module, &command.generation, nonce)
        })?;
        let approval = Approval { auto: command.auto_approve, keep_failed: false };
        shown(context, &mut work, planning, approval, &command.work, &Sources::default()).await
    })
}

fn would_be_lost() -> Diagnostic {
    Diagnostic::error(WRITTEN, "users have written since they were switched")
        .detail(
            "They would not see it any more after the rollback. Nothing was done. With -discard-writes users are \
             switched back all the same; what they wrote stays in the generation that they leave, until that is \
             discarded.",
        )
}
