use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::variables::GivenVariables;
use super::wait::Wait;

/// Declarative provisioner for Moodle sites: plan, apply, and nothing in between.
#[derive(Debug, Parser)]
#[command(name = "mprov", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Long options work with one dash or two. Exit codes: docs/reference/exit-codes.md.")]
pub struct Arguments {
    /// Work in this folder instead of the current one; paths given are relative to it
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// No colours (the variable NO_COLOR says the same)
    #[arg(long, global = true)]
    pub no_color: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration, without looking at the state or the world
    Validate(ValidateOptions),
    /// Show what an apply would do, what users would notice of it, and what can be undone
    Plan(PlanCommand),
    /// Carry out a plan: a saved one, or one that is made and approved on the spot
    Apply(ApplyCommand),
    /// Destroy everything that is in the state (the same as apply -destroy)
    Destroy(DestroyCommand),
    /// Make the next generation of a module from a clone of the live one, for looking at
    Rehearse(RehearseCommand),
    /// Switch users back to the generation that they came from
    Rollback(RollbackCommand),
    /// List the generations of modules with a rollout
    Generations(GenerationsOptions),
    /// Take a generation away that users do not work on
    Discard(DiscardCommand),
    /// Show the state, or a saved plan
    Show(ShowOptions),
    /// Show outputs of the root module, as the last apply left them
    Output(OutputOptions),
    /// Look into the state
    #[command(subcommand)]
    State(StateCommand),
    /// Show the version
    Version(VersionOptions),
    /// Explain the code of an error or a warning
    Explain(ExplainOptions),
}

#[derive(Debug, Args)]
pub struct ValidateOptions {
    /// Print the result as one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What decides which plan is made.
#[derive(Clone, Debug, Args)]
pub struct PlanningOptions {
    #[command(flatten)]
    pub variables: GivenVariables,
    /// Only this address (a module, a resource or one instance) and what it needs; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Look at the world before planning
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub refresh: bool,
}

/// How the work is done.
#[derive(Clone, Debug, Args)]
pub struct WorkOptions {
    /// How many things are worked on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = parallelism)]
    pub parallelism: usize,
    /// How long to wait for the lock when another command holds it, as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub lock_timeout: Wait,
    /// Ask for approval where it is needed; with false, fail instead
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub input: bool,
    /// Print events and the result as JSON lines on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlanCommand {
    /// Save the plan to this file, for apply
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Plan to destroy everything
    #[arg(long)]
    pub destroy: bool,
    /// Exit with 2 when there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    pub planning: PlanningOptions,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct ApplyCommand {
    /// A plan that plan -out saved; without, one is made and shown for approval
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["destroy", "var", "var-file", "target"])]
    pub plan_file: Option<PathBuf>,
    /// Do not ask for approval
    #[arg(long)]
    pub auto_approve: bool,
    /// Destroy everything that is in the state
    #[arg(long)]
    pub destroy: bool,
    /// When a cut-over fails, keep what it has made for looking at; users are let in again all the same
    #[arg(long)]
    pub keep_failed: bool,
    #[command(flatten)]
    pub planning: PlanningOptions,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct DestroyCommand {
    /// Do not ask for approval
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub planning: PlanningOptions,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct RehearseCommand {
    /// The module, as module.moodle; needed where several have a rollout
    pub module: Option<String>,
    /// Do not ask for approval
    #[arg(long)]
    pub auto_approve: bool,
    /// When the rehearsal fails, keep what it has made for looking at
    #[arg(long)]
    pub keep_failed: bool,
    #[command(flatten)]
    pub variables: GivenVariables,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct RollbackCommand {
    /// The module, as module.moodle; needed where several have a rollout
    pub module: Option<String>,
    /// Go back to this generation instead of the one that users came from
    #[arg(long, value_name = "GENERATION")]
    pub to: Option<String>,
    /// Go back although what users have written since the switch will not be seen any more
    #[arg(long)]
    pub discard_writes: bool,
    /// Do not ask for approval
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct GenerationsOptions {
    /// Only those of this module
    pub module: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DiscardCommand {
    /// The generation, as g3
    pub generation: String,
    /// The module, as module.moodle; needed where several have a rollout
    #[arg(long, value_name = "MODULE")]
    pub module: Option<String>,
    /// Do not ask for approval
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub work: WorkOptions,
}

#[derive(Debug, Args)]
pub struct ShowOptions {
    /// A saved plan; without, the state is shown
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct OutputOptions {
    /// One output; a secret is shown in clear only when it is asked for by its name
    pub name: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "raw")]
    pub json: bool,
    /// Print the text of a string, number or bool and nothing else
    #[arg(long, requires = "name")]
    pub raw: bool,
}

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses in the state
    List {
        /// Only these instances, or those of these resources and modules
        #[arg(value_name = "ADDRESS")]
        addresses: Vec<String>,
    },
    /// Show the attributes of one instance
    Show {
        /// The instance, as mprov state list shows it
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
}

#[derive(Debug, Args)]
pub struct VersionOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The code, as MP1101; without, all codes are listed
    pub code: Option<String>,
}

fn parallelism(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("it is a whole number from 1 on".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::argv::normalise;
    use crate::cli::variables::GivenVariable;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let argv = line.split(' ').map(Into::into);
        Arguments::try_parse_from(normalise(&Arguments::command(), argv))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn variables_keep_their_order_among_files() {
        let arguments = parse("mprov plan -var a=1 -var-file=f -var b=2 -refresh=false").expect("it parses");
        let Command::Plan(plan) = arguments.command else { panic!("it is a plan") };
        assert_eq!(
            plan.planning.variables.0,
            [
                GivenVariable::Value("a=1".into()),
                GivenVariable::File("f".into()),
                GivenVariable::Value("b=2".into())
            ]
        );
        assert!(!plan.planning.refresh && plan.work.input);
    }

    #[test]
    fn global_options_work_on_both_sides_of_the_command() {
        for line in ["mprov -chdir=x plan", "mprov plan -chdir=x"] {
            assert_eq!(parse(line).expect("it parses").chdir, Some("x".into()));
        }
    }

    #[test]
    fn what_a_saved_plan_has_decided_cannot_be_decided_again() {
        for option in ["-destroy", "-var=a=1", "-target=a.b", "-var-file=f"] {
            assert!(parse(&format!("mprov apply plan.bin {option}")).is_err(), "{option}");
        }
        assert!(parse("mprov apply plan.bin -auto-approve -parallelism=3").is_ok());
    }

    #[test]
    fn wrong_values_are_refused() {
        for line in
            ["mprov plan -parallelism=0", "mprov output -raw", "mprov plan -lock-timeout=soon", "mprov"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
