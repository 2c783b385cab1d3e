//! The command line: arguments, environment, exit codes. One file per command.

mod apply;
mod approval;
mod arguments;
mod argv;
mod configuration;
mod context;
mod environment;
mod exit_code;
mod explain;
mod failure;
mod generations;
mod interrupt;
mod output;
mod pages;
mod plan;
mod plan_file;
mod recorded;
#[cfg(test)]
mod reference;
mod rehearse;
mod run;
mod show;
mod state;
mod validate;
mod variables;
mod version;
mod wait;
mod work;

pub use arguments::Arguments;
pub use environment::Environment;
pub use exit_code::ExitCode;
pub use run::main;
