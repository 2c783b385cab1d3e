use mprov_sdk::Diagnostic;
use serde_json::Value as Json;

use crate::view;
use crate::workspace::outputs;

use super::arguments::OutputOptions;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;

pub fn run(context: &Context, options: &OutputOptions) -> Result<ExitCode, Failure> {
    let workspace = context.looking()?;
    let outputs = match workspace.state()? {
        Some(state) => outputs(&state, workspace.store.keys())?,
        None => Default::default(),
    };
    let style = context.screen.out_style();
    let Some(name) = &options.name else {
        match options.json {
            true => context.screen.out_json(&Json::Object(view::output::json(&outputs))),
            false if outputs.is_empty() => context.screen.talk("There are no outputs in the state.\n"),
            false => context.screen.out(&view::output::list(&outputs, style)),
        }
        return Ok(ExitCode::Done);
    };
    let Some(value) = outputs.get(name.as_str()) else { return Err(unknown(name, outputs.keys())) };
    match (options.json, options.raw) {
        (true, _) => context.screen.out_json(&view::output::one_json(value)),
        (_, true) => match view::output::raw(value) {
            Some(text) => context.screen.out(&text),
            None => return Err(not_raw(name)),
        },
        _ => context.screen.out(&view::output::one(value, style)),
    }
    Ok(ExitCode::Done)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a mprov_sdk::Name>) -> Failure {
    let known: Vec<&str> = known.map(|name| &**name).collect();
    let detail = match known.is_empty() {
        true => "There are no outputs in the state: declare some and apply.".to_owned(),
        false => format!("There are: {}. A new one is there after the next apply.", known.join(", ")),
    };
    Diagnostic::error(4053, format!("there is no output \"{name}\" in the state")).detail(detail).into()
}

fn not_raw(name: &str) -> Failure {
    Diagnostic::error(4054, format!("output \"{name}\" is no string, number or bool"))
        .detail("Only those have a raw text. Use -json for others.")
        .into()
}
