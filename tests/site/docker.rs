//! Docker as its own command sees it: the tests look past mprov.

use std::process::{Command, Output};

pub fn try_docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().expect("the docker command is installed")
}

/// Runs a docker command that has to succeed; its output without the white space around it.
#[track_caller]
pub fn docker(arguments: &[&str]) -> String {
    let output = try_docker(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same, line by line.
#[track_caller]
pub fn lines(arguments: &[&str]) -> Vec<String> {
    docker(arguments).lines().map(str::to_owned).collect()
}

/// What stands in the field of a container, image, network or volume, as a Go template tells.
#[track_caller]
pub fn inspect(thing: &str, template: &str) -> String {
    docker(&["inspect", "--format", template, thing])
}

/// Runs a shell script in a container as root.
#[track_caller]
pub fn shell(container: &str, script: &str) -> String {
    docker(&["exec", container, "sh", "-c", script])
}
