use std::ffi::OsString;
use std::sync::Arc;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::view::{Screen, Style};

use super::arguments::{Arguments, Command, StateCommand};
use super::context::Context;
use super::environment::Environment;
use super::exit_code::ExitCode;
use super::{
    apply, argv, explain, generations, output, plan, recorded, rehearse, show, state, validate, version,
};

/// A whole run of the program: arguments in, exit code out.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let begin = Instant::now();
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            let screen = Screen::standard(Style::PLAIN, Style::PLAIN);
            screen.talk(&format!(
                "error: the current folder cannot be found: {error}\nGo to another one and try again.\n"
            ));
            return ExitCode::Failed;
        }
    };
    let arguments = match parse(argv) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, &environment),
    };
    let out_style = environment.style(environment.stdout, arguments.no_color);
    let talk_style = environment.style(environment.stderr, arguments.no_color);
    let screen = Arc::new(Screen::standard(out_style, talk_style));
    let dir = match &arguments.chdir {
        Some(dir) => environment.current_dir.join(dir),
        None => environment.current_dir.clone(),
    };
    let context = Context {
        screen,
        environment,
        dir,
        begin,
        json: prints_json(&arguments.command),
        command: name(&arguments.command),
    };
    dispatch(&context, arguments.command)
}

fn parse(argv: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let argv = argv::normalise(&command, argv);
    let matches = command.try_get_matches_from_mut(argv)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Help and version are data that was asked for; everything else is a mistake.
fn usage(error: &clap::Error, environment: &Environment) -> ExitCode {
    let style = |stream| environment.style(stream, false);
    let (out, talk) = (style(environment.stdout), style(environment.stderr));
    let screen = Screen::standard(out, talk);
    let text = |color: bool| match color {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            screen.out(&text(out.color));
            ExitCode::Done
        }
        _ => {
            screen.talk(&text(talk.color));
            ExitCode::Usage
        }
    }
}

fn dispatch(context: &Context, command: Command) -> ExitCode {
    if context.json {
        context.begin_json();
    }
    let result = match command {
        Command::Version(options) => version::run(context, &options),
        Command::Explain(options) => explain::run(context, &options),
        Command::Validate(options) => validate::run(context, &options),
        Command::Plan(command) => plan::run(context, &command),
        Command::Apply(command) => apply::run(context, &command),
        Command::Destroy(command) => apply::destroy(context, &command),
        Command::Rehearse(command) => rehearse::run(context, &command),
        Command::Rollback(command) => recorded::rollback(context, &command),
        Command::Generations(options) => generations::run(context, &options),
        Command::Discard(command) => recorded::discard(context, &command),
        Command::Show(options) => show::run(context, &options),
        Command::Output(options) => output::run(context, &options),
        Command::State(StateCommand::List { addresses }) => state::list(context, &addresses),
        Command::State(StateCommand::Show { address }) => state::show(context, &address),
    };
    let code = result.unwrap_or_else(|failure| {
        context.tell(&failure.diagnostics, &failure.sources);
        ExitCode::of_diagnostics(&failure.diagnostics)
    });
    match context.screen.failure() {
        Some(error) if code == ExitCode::Done => {
            context.screen.talk(&format!("error: the output could not be written: {error}\n"));
            ExitCode::Failed
        }
        _ => code,
    }
}

/// Whether the command prints a stream of JSON lines. Those that print one document do it alone.
fn prints_json(command: &Command) -> bool {
    match command {
        Command::Plan(plan) => plan.work.json,
        Command::Apply(apply) => apply.work.json,
        Command::Destroy(destroy) => destroy.work.json,
        Command::Rehearse(rehearse) => rehearse.work.json,
        Command::Rollback(rollback) => rollback.work.json,
        Command::Discard(discard) => discard.work.json,
        _ => false,
    }
}

/// What the lock says who holds it: without arguments, which could be secret.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Plan(_) => "mprov plan",
        Command::Apply(_) => "mprov apply",
        Command::Destroy(_) => "mprov destroy",
        Command::Rehearse(_) => "mprov rehearse",
        Command::Rollback(_) => "mprov rollback",
        Command::Discard(_) => "mprov discard",
        _ => "mprov",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_version_are_no_mistakes() {
        let kind = |line: &str| parse(line.split(' ').map(Into::into)).err().map(|e| e.kind());
        assert_eq!(kind("mprov -help"), Some(ErrorKind::DisplayHelp));
        assert_eq!(kind("mprov plan --help"), Some(ErrorKind::DisplayHelp));
        assert_eq!(kind("mprov -version"), Some(ErrorKind::DisplayVersion));
        assert_eq!(kind("mprov frobnicate"), Some(ErrorKind::InvalidSubcommand));
        assert_eq!(kind("mprov plan -frobnicate"), Some(ErrorKind::UnknownArgument));
    }
}
