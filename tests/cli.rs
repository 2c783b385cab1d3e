//! The command line as scripts and people meet it: streams, exit codes, formats.

mod support;

use std::io::Read as _;
use std::process::Stdio;

use serde_json::Value as Json;
use support::Folder;

/// A secret that must not be seen unless it is asked for by its name.
const CANARY: &str = "canary-in-the-mine";

const SITE: &str = r#"
provider "sim" { world = "./world" }

variable "size" {
  type    = number
  default = 1
}

variable "password" {
  type      = string
  sensitive = true
  default   = "canary-in-the-mine"
}

resource "sim_resource" "web" {
  name   = "web"
  size   = var.size
  secret = var.password
}

output "id" { value = sim_resource.web.id }

output "password" {
  value     = var.password
  sensitive = true
}
"#;

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn of_type<'a>(lines: &'a [Json], kind: &str) -> Vec<&'a Json> {
    lines.iter().filter(|l| l["type"] == kind).collect()
}

#[test]
fn a_plan_is_data_and_all_else_is_talk() {
    let folder = Folder::with(SITE);
    let plan = folder.ok(&["plan"]);
    assert!(plan.stdout.contains("# sim_resource.web will be created"), "{}", plan.stdout);
    assert_eq!(plan.stderr, "");

    let apply = folder.ok(&["apply", "-auto-approve"]);
    assert!(apply.stderr.contains("sim_resource.web: Creating..."), "{}", apply.stderr);
    assert!(apply.stderr.contains("Apply complete: 1 added, 0 changed, 0 destroyed."), "{}", apply.stderr);
    assert!(apply.stderr.contains("A key for the secrets in the state was made: "), "{}", apply.stderr);
    assert!(apply.stdout.contains("\nOutputs:\n\nid "), "{}", apply.stdout);
}

#[test]
fn exit_codes_tell_how_it_ended() {
    let folder = Folder::with(SITE);
    folder.fails(&["plan", "-detailed-exitcode"], 2);
    folder.fails(&["apply"], 6);
    folder.fails(&["apply", "-input=false"], 6);
    folder.ok(&["apply", "-auto-approve"]);
    folder.ok(&["plan", "-detailed-exitcode"]);
    folder.fails(&["plan", "-var", "size=many"], 1);
    folder.fails(&["plan", "-frobnicate"], 64);
    folder.fails(&["frobnicate"], 64);
    folder.fails(&["apply", "p", "-destroy"], 64);
    folder.fails(&[], 64);
    folder.fails(&["-chdir=missing", "plan"], 1);
    folder.ok(&["-help"]);
    folder.ok(&["--version"]);
}

#[test]
fn a_lock_that_is_held_is_waited_for_as_long_as_asked() {
    let slow = SITE.replace("name   = \"web\"", "name = \"web\"\n  latency_ms = 1500");
    let folder = Folder::with(&slow);
    let mut command = folder.command(&["apply", "-auto-approve"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut apply = command.spawn().expect("it starts");
    let mut said = apply.stderr.take().expect("it is piped");
    let mut heard = String::new();
    // The first words of progress: from here on the lock is held.
    while !heard.contains("Creating...") {
        let mut byte = [0];
        assert_ne!(said.read(&mut byte).expect("it can be read"), 0, "it ended early: {heard}");
        heard.push(char::from(byte[0]));
    }
    let refused = folder.fails(&["plan"], 3);
    assert!(refused.stderr.contains("\"mprov apply\" of tester on "), "{}", refused.stderr);
    let waited = folder.ok(&["plan", "-lock-timeout=60s", "-detailed-exitcode"]);
    assert!(waited.stderr.contains("Waiting up to 60s for the lock"), "{}", waited.stderr);
    std::io::copy(&mut said, &mut std::io::sink()).expect("it can be read");
    assert!(apply.wait().expect("it ends").success());
}

#[test]
fn a_saved_plan_is_carried_out_as_it_is() {
    let folder = Folder::with(SITE);
    let plan = folder.ok(&["plan", "-out=p", "-var", "size=7"]);
    assert!(plan.stderr.contains("mprov apply p\n"), "{}", plan.stderr);
    let shown = folder.ok(&["show", "p"]);
    assert!(shown.stdout.contains("size "), "{}", shown.stdout);
    folder.write("main.mprov.hcl", "this is no configuration any more");
    folder.ok(&["apply", "p"]);
    let state = folder.ok(&["show", "-json"]);
    let state: Json = serde_json::from_str(&state.stdout).expect("it is JSON");
    assert_eq!(state["resources"][0]["values"]["size"], 7);
    let stale = folder.fails(&["apply", "p"], 6);
    assert!(stale.stderr.contains("MP2060"), "{}", stale.stderr);
}

#[test]
fn variables_are_taken_from_environment_files_and_options_in_that_order() {
    let folder = Folder::with(SITE);
    let size = |folder: &Folder, arguments: &[&str]| {
        let mut command = folder.command(&["plan", "-json"]);
        let output = command.env("MPROV_VAR_size", "2").args(arguments).output().expect("it runs");
        let lines = lines(&String::from_utf8_lossy(&output.stdout));
        of_type(&lines, "plan")[0]["plan"]["variables"]["size"].clone()
    };
    assert_eq!(size(&folder, &[]), 2);
    folder.write("mprov.mprovvars.hcl", "size = 3\n");
    assert_eq!(size(&folder, &[]), 3);
    folder.write("four.mprovvars.hcl", "size = 4\n");
    assert_eq!(size(&folder, &["-var", "size=5", "-var-file=four.mprovvars.hcl"]), 4);
    assert_eq!(size(&folder, &["-var-file", "four.mprovvars.hcl", "-var=size=5"]), 5);
}

#[test]
fn programs_get_json_lines_while_people_get_words() {
    let folder = Folder::with(SITE);
    let apply = folder.ok(&["apply", "-auto-approve", "-json"]);
    let lines = lines(&apply.stdout);
    assert_eq!(lines[0]["type"], "version");
    assert_eq!(of_type(&lines, "plan")[0]["plan"]["summary"]["add"], 1);
    assert_eq!(of_type(&lines, "started")[0]["address"], "sim_resource.web");
    assert_eq!(of_type(&lines, "finished")[0]["outcome"], "done");
    assert_eq!(of_type(&lines, "report")[0]["added"], 1);
    assert_eq!(of_type(&lines, "outputs")[0]["outputs"]["password"]["value"], "(sensitive value)");
    assert!(apply.stderr.contains("sim_resource.web: Creating..."), "{}", apply.stderr);

    folder.write("main.mprov.hcl", "resource {}\n");
    let failed = folder.fails(&["plan", "-json"], 1);
    let lines = self::lines(&failed.stdout);
    assert_eq!(of_type(&lines, "diagnostic")[0]["diagnostic"]["code"], "MP1012");
}

#[test]
fn a_secret_is_shown_only_where_it_is_asked_for_by_name() {
    let folder = Folder::with(SITE);
    for arguments in [
        &["plan"][..],
        &["plan", "-json"],
        &["plan", "-out=p"],
        &["show", "p"],
        &["show", "p", "-json"],
        &["apply", "-auto-approve", "-json"],
        &["show"],
        &["show", "-json"],
        &["state", "show", "sim_resource.web"],
        &["output"],
        &["output", "-json"],
        &["plan", "-destroy"],
    ] {
        let ended = folder.ok(arguments);
        assert!(!ended.text().contains(CANARY), "mprov {arguments:?}:\n{}", ended.text());
    }
    assert_eq!(folder.ok(&["output", "-raw", "password"]).stdout, CANARY);
    assert_eq!(folder.ok(&["output", "-json", "password"]).stdout, format!("\"{CANARY}\"\n"));
}

#[test]
fn the_state_can_be_looked_into() {
    let folder = Folder::with(SITE);
    assert_eq!(folder.ok(&["state", "list"]).stdout, "");
    folder.ok(&["apply", "-auto-approve"]);
    assert_eq!(folder.ok(&["state", "list"]).stdout, "sim_resource.web\n");
    assert_eq!(folder.ok(&["state", "list", "sim_resource.web"]).stdout, "sim_resource.web\n");
    folder.fails(&["state", "list", "sim_resource.w"], 1);
    let shown = folder.ok(&["state", "show", "sim_resource.web"]).stdout;
    assert!(shown.starts_with("# sim_resource.web:\nresource \"sim_resource\" \"web\" {\n"), "{shown}");
    folder.fails(&["state", "show", "sim_resource.missing"], 1);
    folder.fails(&["output", "missing"], 1);
}

#[test]
fn several_mistakes_are_all_reported() {
    let folder = Folder::with(
        "variable \"a\" { default = var.b }\nresource \"sim_resourc\" \"x\" { name = local.c }\nfoo {}\n",
    );
    let validated = folder.fails(&["validate", "-json"], 1);
    let document: Json = serde_json::from_str(&validated.stdout).expect("it is JSON");
    assert_eq!(document["valid"], false);
    let found = document["diagnostics"].as_array().expect("a list");
    let at = |line: u64| found.iter().any(|d| d["range"]["start"]["line"] == line);
    assert!(at(1) && at(2) && at(3), "{}", validated.stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::with(SITE);
    let mut plan = folder.command(&["plan"]).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(plan.stdout.take());
    assert_eq!(plan.wait().expect("it ends").code(), Some(0));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let folder = Folder::with(SITE);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device is there");
    let output = folder.command(&["plan"]).stdout(full).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
}

#[test]
fn a_code_is_explained() {
    let folder = Folder::new();
    assert!(folder.ok(&["explain", "mp2040"]).stdout.starts_with("# MP2040: "));
    assert!(folder.ok(&["explain"]).stdout.lines().count() > 100);
    folder.fails(&["explain", "MP9999"], 1);
}

/// A provider's own block is looked at before anything is connected.
#[test]
fn a_mistake_in_a_providers_block_is_told_with_its_place() {
    let folder = Folder::with(
        "provider \"host\" {\n  address   = \"192.0.2.1\"\n  host_keys = [\"nonsense\"]\n  port      = 0\n}\n\n\
         resource \"host_directory\" \"a\" {\n  path = \"/nonexistent\"\n}\n",
    );
    let refused = folder.fails(&["plan"], 1);
    for told in ["this is no public key", "main.mprov.hcl:3:15", "a port is a number", "main.mprov.hcl:4:15"]
    {
        assert!(refused.stderr.contains(told), "{told} is missing: {}", refused.stderr);
    }
}
