//! Docker as its own command sees it.

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

/// Runs a shell script in a container as root.
#[track_caller]
pub fn shell(container: &str, script: &str) -> String {
    docker(&["exec", container, "sh", "-c", script])
}

/// Removes all containers and networks whose names begin so.
pub fn remove_all(prefix: &str) {
    let ours = |arguments: &[&str]| -> Vec<String> {
        let output = try_docker(arguments);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        lines.lines().filter(|l| l.starts_with(prefix)).map(str::to_owned).collect()
    };
    for container in ours(&["ps", "-a", "--format", "{{.Names}}"]) {
        try_docker(&["rm", "-f", "-v", &container]);
    }
    for network in ours(&["network", "ls", "--format", "{{.Name}}"]) {
        // Containers of others may have been led into it.
        let guests = ["network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", &network];
        let guests = String::from_utf8_lossy(&try_docker(&guests).stdout).into_owned();
        for guest in guests.split_whitespace() {
            try_docker(&["network", "disconnect", "-f", &network, guest]);
        }
        try_docker(&["network", "rm", &network]);
    }
}
