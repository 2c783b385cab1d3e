use mprov_sdk::Diagnostics;
use serde_json::json;

use crate::config::Sources;
use crate::view::diagnostic;

use super::arguments::ValidateOptions;
use super::configuration::Loaded;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;

pub fn run(context: &Context, options: &ValidateOptions) -> Result<ExitCode, Failure> {
    let (diagnostics, sources) = check(context)?;
    if options.json {
        document(context, &diagnostics, &sources);
    } else {
        context.tell(&diagnostics, &sources);
        if !diagnostics.has_errors() {
            context.screen.out("The configuration is valid.\n");
        }
    }
    Ok(ExitCode::of_diagnostics(&diagnostics))
}

fn check(context: &Context) -> Result<(Diagnostics, Sources), Failure> {
    let workspace = context.looking()?;
    let (loaded, sources, mut diagnostics) = Loaded::read(context);
    if let Some(configuration) = loaded
        && !diagnostics.has_errors()
        && let Err(found) = workspace.validate(&configuration)
    {
        diagnostics.extend(found);
    }
    Ok((diagnostics, sources))
}

fn document(context: &Context, diagnostics: &Diagnostics, sources: &Sources) {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    context.screen.out_json(&json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.len() - errors,
        "diagnostics": diagnostics.iter().map(|d| diagnostic::json(d, sources)).collect::<Vec<_>>(),
    }));
}
