use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

/// `-var` and `-var-file` in the order in which they stand: later ones win, of either kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenVariables(pub Vec<GivenVariable>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenVariable {
    /// `name=value`
    Value(String),
    File(PathBuf),
}

impl Args for GivenVariables {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new("var")
                    .long("var")
                    .value_name("NAME=VALUE")
                    .action(ArgAction::Append)
                    .help("Value of a variable of the root module; can be repeated"),
            )
            .arg(
                Arg::new("var-file")
                    .long("var-file")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .action(ArgAction::Append)
                    .help("File with values of variables; can be repeated"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GivenVariables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given: Vec<(usize, GivenVariable)> = Vec::new();
        let values = matches.get_many::<String>("var").into_iter().flatten().cloned();
        let places = matches.indices_of("var").into_iter().flatten();
        given.extend(places.zip(values.map(GivenVariable::Value)));
        let files = matches.get_many::<PathBuf>("var-file").into_iter().flatten().cloned();
        let places = matches.indices_of("var-file").into_iter().flatten();
        given.extend(places.zip(files.map(GivenVariable::File)));
        given.sort_by_key(|(place, _)| *place);
        Ok(Self(given.into_iter().map(|(_, given)| given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
