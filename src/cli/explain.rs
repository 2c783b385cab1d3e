use mprov_sdk::Diagnostic;

use super::arguments::ExplainOptions;
use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;
use super::pages::PAGES;

pub fn run(context: &Context, options: &ExplainOptions) -> Result<ExitCode, Failure> {
    let Some(code) = &options.code else {
        let lines: Vec<String> = PAGES.iter().map(|(_, page)| format!("{}\n", title(page))).collect();
        context.screen.out(&lines.concat());
        return Ok(ExitCode::Done);
    };
    match page(code) {
        Some(page) => context.screen.out(page),
        None => {
            return Err(Diagnostic::error(1090, format!("there is no code \"{code}\""))
                .detail("A code is MP and four digits, as MP1101. mprov explain without one lists them all.")
                .into());
        }
    }
    Ok(ExitCode::Done)
}

/// The page of a code, written as `MP1101`, `mp1101` or `1101`.
fn page(code: &str) -> Option<&'static str> {
    let digits = code.trim_start_matches(['M', 'P', 'm', 'p']);
    let number: u16 = digits.parse().ok()?;
    PAGES.iter().find(|(known, _)| *known == number).map(|(_, page)| *page)
}

/// The first line of a page without the mark of a heading.
fn title(page: &'static str) -> &'static str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}
