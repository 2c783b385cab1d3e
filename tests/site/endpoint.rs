//! A provider that is configured from a resource of the same apply.

use std::fs;
use std::process::Command;

use crate::docker::{docker, inspect};
use crate::inventory::assert_same;
use crate::site::{Site, actions};

const CONFIGURATION: &str = r#"
resource "host_command" "engine" {
  create = "echo unix:///var/run/docker.sock"
}

resource "core_value" "endpoint" {
  input = host_command.engine.stdout
}

provider "docker" {
  host = core_value.endpoint.output
}

resource "docker_image" "tiny" {
  name   = "NAME/tiny:latest"
  rootfs = "tiny.tar"
}

resource "docker_network" "inner" {
  name     = "NAME"
  internal = true
}

resource "docker_container" "hello" {
  name    = "NAME-hello"
  image   = docker_image.tiny.id
  command = ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $!; done"]

  network {
    name = docker_network.inner.name
  }
}

output "id" {
  value = docker_container.hello.id
}
"#;

/// The engine's address is known only when a command has run: still one apply is enough.
#[test]
fn the_engine_s_address_comes_from_a_resource() {
    let site = Site::empty();
    tiny_rootfs(&site);
    site.folder.write("main.mprov.hcl", &CONFIGURATION.replace("NAME", &site.name));
    let before = site.inventory();

    let plan = site.plan(&[]);
    let expected =
        ["core_value.endpoint", "docker_container.hello", "docker_image.tiny", "docker_network.inner"];
    let expected: Vec<String> = expected
        .iter()
        .chain(&["host_command.engine"])
        .map(|address| format!("[\"create\"] {address}"))
        .collect();
    assert_eq!(actions(&plan), expected, "planned while the address is not known");

    site.apply();
    site.has_no_changes();
    let container = site.named("hello");
    assert_eq!(inspect(&container, "{{.State.Running}}"), "true");
    assert_eq!(inspect(&container, "{{.Id}}"), site.output("id"));
    assert_eq!(docker(&["exec", &container, "/bin/busybox", "echo", "well"]), "well");

    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &before, "after the destroy there is what there was");
}

/// A root file system that holds one program, linked statically.
fn tiny_rootfs(site: &Site) {
    let root = site.folder.whole().join("tiny");
    fs::create_dir_all(root.join("bin")).expect("a folder");
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
    let archive = site.folder.path().join("tiny.tar");
    let done = Command::new("tar").arg("-cf").arg(archive).arg("-C").args([&*root, ".".as_ref()]).status();
    assert!(done.expect("tar starts").success());
}
