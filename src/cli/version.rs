use serde_json::json;

use super::arguments::VersionOptions;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;

pub fn run(context: &Context, options: &VersionOptions) -> Result<ExitCode, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match options.json {
        true => context.screen.out_json(&json!({ "format_version": "1.0", "mprov_version": version })),
        false => context.screen.out(&format!("mprov {version}\n")),
    }
    Ok(ExitCode::Done)
}
