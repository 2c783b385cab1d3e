use std::collections::HashSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The arguments as clap reads them: long options with one dash get their second one, and
/// `-switch=true` and `-switch=false` become the switch and nothing.
///
/// Behind `--` everything stays as it is.
pub fn normalise(command: &Command, argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let switches = switches(command);
    let mut argv = argv.into_iter();
    let mut out: Vec<OsString> = argv.next().into_iter().collect();
    let mut options_end = false;
    for argument in argv {
        options_end |= argument == "--";
        if options_end {
            out.push(argument);
            continue;
        }
        out.extend(one(&switches, argument));
    }
    out
}

fn one(switches: &HashSet<String>, argument: OsString) -> Option<OsString> {
    // What is no text cannot be an option of ours.
    let Some(text) = argument.to_str() else { return Some(argument) };
    let Some(option) = long_option(text) else { return Some(argument) };
    match option.split_once('=') {
        Some((name, "true")) if switches.contains(name) => Some(format!("--{name}").into()),
        Some((name, "false")) if switches.contains(name) => None,
        _ => Some(format!("--{option}").into()),
    }
}

/// `name` or `name=value` without dashes; none for single letters, numbers and plain words.
fn long_option(text: &str) -> Option<&str> {
    if let Some(option) = text.strip_prefix("--") {
        return (!option.is_empty()).then_some(option);
    }
    let option = text.strip_prefix('-')?;
    let name = option.split('=').next().unwrap_or(option);
    let is_long = name.len() > 1 && name.starts_with(|c: char| c.is_ascii_alphabetic());
    is_long.then_some(option)
}

/// Long options that take no value, of the command and all commands in it.
fn switches(command: &Command) -> HashSet<String> {
    let own = command.get_arguments().filter(|a| matches!(a.get_action(), ArgAction::SetTrue));
    let mut names: HashSet<String> = own.filter_map(|a| a.get_long().map(str::to_owned)).collect();
    for inner in command.get_subcommands() {
        names.extend(switches(inner));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn normalised(line: &str) -> String {
        let argv = line.split(' ').map(OsString::from);
        let out = normalise(&super::super::Arguments::command(), argv);
        out.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn long_options_get_their_second_dash() {
        assert_eq!(
            normalised("mprov -chdir=x apply -auto-approve -var a=-b --var-file f -parallelism=5"),
            "mprov --chdir=x apply --auto-approve --var a=-b --var-file f --parallelism=5"
        );
    }

    #[test]
    fn letters_numbers_and_words_stay() {
        let line = "mprov -h -V - -5 plan x=-y";
        assert_eq!(normalised(line), line);
    }

    #[test]
    fn switches_take_true_and_false() {
        assert_eq!(
            normalised("mprov plan -json=true -destroy=false -refresh=false"),
            "mprov plan --json --refresh=false"
        );
    }

    #[test]
    fn nothing_changes_behind_two_dashes() {
        assert_eq!(normalised("mprov output -raw -- -name"), "mprov output --raw -- -name");
    }
}
