//! The page `docs/reference/cli.md`, made from the command line itself.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

use super::Arguments;

const HEAD: &str = "\
# Command line

Made from the program itself; `MPROV_UPDATE=1 cargo test -p mprov --lib cli::reference` writes it anew.

Long options work with one dash or two, and take their value after `=` or as the next word.
Plans, outputs and documents go to standard output; progress, questions, warnings and errors go to
standard error. How a command ended is told by its [exit code](exit-codes.md). What a code such as
MP1101 means is told by `mprov explain MP1101`.

## Environment

| variable | meaning |
| --- | --- |
| `MPROV_VAR_name` | Value of the variable `name` of the root module. Files and options win over it. |
| `NO_COLOR` | Not empty: no colours. |
| `TERM` | `dumb`: no colours and no live table, but one line per event. |
| `XDG_CONFIG_HOME`, `HOME` | Keys of secrets are kept in `$XDG_CONFIG_HOME/mprov/keys`, or else in `~/.config/mprov/keys`. |
| `USER`, `LOGNAME` | Who holds the lock, as others are told. |

";

fn page() -> String {
    let mut root = Arguments::command();
    root.build();
    let mut page = HEAD.to_owned();
    page.push_str("## Options of all commands\n\n");
    options(&mut page, root.get_arguments().filter(|a| a.is_global_set()));
    commands(&mut page, &root, "mprov");
    page
}

fn commands(page: &mut String, command: &Command, path: &str) {
    for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(page, "## {path}\n\n{about}.\n\n");
        if inner.has_subcommands() {
            commands(page, inner, &path);
            continue;
        }
        let own = |a: &&Arg| !a.is_global_set() && !["help", "version"].contains(&a.get_id().as_str());
        let _ = write!(page, "```\n{path}{}\n```\n\n", positionals(inner));
        options(page, inner.get_arguments().filter(own));
    }
}

fn positionals(command: &Command) -> String {
    let text = |a: &Arg| {
        let name = a.get_value_names().and_then(|n| n.first()).map(ToString::to_string).unwrap_or_default();
        let many = if matches!(a.get_action(), clap::ArgAction::Append) { "…" } else { "" };
        if a.is_required_set() { format!(" {name}{many}") } else { format!(" [{name}{many}]") }
    };
    let named = command.get_arguments().any(|a| a.get_long().is_some() && !a.is_global_set());
    let options = if named { " [options]" } else { "" };
    format!("{options}{}", command.get_positionals().map(text).collect::<String>())
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let rows: Vec<String> = arguments.filter(|a| !a.is_hide_set()).map(row).collect();
    if !rows.is_empty() {
        let _ = write!(page, "| option | meaning |\n| --- | --- |\n{}\n", rows.concat());
    }
}

fn row(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|n| n.first()).map(ToString::to_string);
    let takes_value = argument.get_action().takes_values();
    let name = match (argument.get_long(), value) {
        (Some(long), Some(value)) if takes_value => format!("-{long}={value}"),
        (Some(long), _) => format!("-{long}"),
        (None, value) => value.unwrap_or_default(),
    };
    let default = match argument.get_default_values() {
        [default] if takes_value => format!(" (default: {})", default.to_string_lossy()),
        _ => String::new(),
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    format!("| `{name}` | {help}{default} |\n")
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
    let page = page();
    if std::env::var_os("MPROV_UPDATE").is_some_and(|v| v == "1") {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the page is there");
    assert!(written == page, "docs/reference/cli.md is old: run this test with MPROV_UPDATE=1");
}

#[test]
fn every_option_says_what_it_means() {
    fn check(command: &Command) {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{} of {} has no help", argument.get_id(), command.get_name());
        }
        command.get_subcommands().for_each(check);
    }
    let mut root = Arguments::command();
    root.build();
    check(&root);
}
