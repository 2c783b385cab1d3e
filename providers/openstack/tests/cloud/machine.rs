//! From nothing to a machine with a disk, seen from inside of it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use mprov_sdk::{Object, Value};

use crate::world::World;

const BOOT: Duration = Duration::from_secs(180);

struct Shell<'a> {
    key: &'a Path,
    address: String,
}

impl Shell<'_> {
    fn try_run(&self, script: &str) -> Output {
        let mut ssh = Command::new("ssh");
        ssh.arg("-i").arg(self.key);
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ConnectTimeout=3",
            "BatchMode=yes",
            "LogLevel=ERROR",
        ] {
            ssh.args(["-o", option]);
        }
        ssh.arg(format!("root@{}", self.address)).arg(script).output().expect("ssh is installed")
    }

    #[track_caller]
    fn run(&self, script: &str) -> String {
        let output = self.try_run(script);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {err}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits for the machine to let somebody in.
    #[track_caller]
    fn wait(&self) {
        self.wait_for("true");
    }

    #[track_caller]
    fn wait_for(&self, condition: &str) {
        let begin = Instant::now();
        loop {
            let output = self.try_run(condition);
            if output.status.success() {
                return;
            }
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(begin.elapsed() < BOOT, "{}: {condition} does not come true: {err}", self.address);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn key_pair(folder: &Path) -> String {
    let path = folder.join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
    assert!(made.expect("ssh-keygen is installed").success());
    std::fs::read_to_string(path.with_extension("pub")).expect("a public key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_comes_up_with_its_disk_and_the_data_outlives_it() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let key = Object::new().with("name", world.name("key")).with("public_key", key_pair(folder.path()));
    let key = world.make("openstack_key_pair", "key", &key).await;
    let ground = world.ground().await;
    let user_data = "#cloud-config\nwrite_files:\n  - path: /etc/site\n    content: uni\nruncmd:\n  - [sh, -c, 'echo ran >> /etc/site-runs']\n";
    let vm =
        world.instance(&ground, "vm").with("key_name", key.get("name").clone()).with("user_data", user_data);
    let instance = world.make("openstack_instance", "vm", &vm).await;
    let volume = world.make("openstack_volume", "data", &Object::new().with("size", 1)).await;
    let attachment = Object::new()
        .with("instance_id", instance.get("id").clone())
        .with("volume_id", volume.get("id").clone());
    let attached = world.make("openstack_volume_attachment", "att", &attachment).await;

    let path = folder.path().join("key");
    let shell = Shell { key: &path, address: instance.str("private_ip").expect("an address").to_owned() };
    shell.wait();
    assert_eq!(shell.run("cat /etc/site /etc/site-runs"), "uniran");
    let disk = format!("/dev/disk/by-id/virtio-{}", attached.str("serial").expect("a serial"));
    assert_eq!(shell.run(&format!("blockdev --getsize64 {disk}")), (1_u64 << 30).to_string());
    shell.run(&format!("mkfs.ext4 -q {disk} && mount {disk} /mnt && echo precious > /mnt/file && sync"));

    let volume = world.change("openstack_volume", "data", &Object::new().with("size", 2), &volume).await;
    // Nova tells the instance once Cinder has told Nova.
    shell.wait_for(&format!("test $(blockdev --getsize64 {disk}) = {}", 2_u64 << 30));
    let snapshot = Object::new().with("volume_id", volume.get("id").clone());
    let snapshot = world.make("openstack_snapshot", "snap", &snapshot).await;
    shell.run("rm /mnt/file && sync && umount /mnt");

    // A stopped machine lets nobody in, and has its disk again when it is back.
    let stopped =
        world.change("openstack_instance", "vm", &vm.clone().with("running", false), &instance).await;
    assert!(!shell.try_run("true").status.success());
    let instance = world.change("openstack_instance", "vm", &vm, &stopped).await;
    shell.wait();
    assert_eq!(shell.run(&format!("mount {disk} /mnt && ls /mnt | grep -c file || true")), "0");
    assert_eq!(shell.run("umount /mnt; cat /etc/site-runs"), "ran", "user data is for the first boot only");
    world.delete("openstack_volume_attachment", &attached).await;
    assert!(!shell.try_run(&format!("test -e {disk}")).status.success(), "the disk is off");

    let restored = Object::new().with("snapshot_id", snapshot.get("id").clone());
    let restored = world.make("openstack_volume", "restored", &restored).await;
    let attachment = attachment.with("volume_id", restored.get("id").clone());
    let again = world.make("openstack_volume_attachment", "att2", &attachment).await;
    let disk = format!("/dev/disk/by-id/virtio-{}", again.str("serial").expect("a serial"));
    assert_eq!(shell.run(&format!("mount {disk} /mnt && cat /mnt/file && umount /mnt")), "precious");

    world.delete("openstack_volume_attachment", &again).await;
    world.delete("openstack_volume", &restored).await;
    world.delete("openstack_snapshot", &snapshot).await;
    world.delete("openstack_volume", &volume).await;
    world.delete("openstack_instance", &instance).await;
    world.delete("openstack_key_pair", &key).await;
    world.remove_ground(&ground).await;
}

/// What a script in the user data does is done when the machine lets somebody in.
#[tokio::test(flavor = "multi_thread")]
async fn user_data_may_be_a_script_and_give_a_host_its_identity() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let public = key_pair(folder.path());
    let ground = world.ground().await;
    // No key pair: the script lets somebody in, as sensitive values may ask for.
    let script = format!("#!/bin/sh\necho '{}' > /root/.ssh/authorized_keys\n", public.trim());
    let vm = world.instance(&ground, "vm").with("user_data", Value::from(script).sensitive());
    let instance = world.make("openstack_instance", "vm", &vm).await;
    let path = folder.path().join("key");
    let shell = Shell { key: &path, address: instance.str("private_ip").expect("an address").to_owned() };
    shell.wait();
    assert_eq!(shell.run("hostname"), world.name("vm"));
    world.delete("openstack_instance", &instance).await;
    world.remove_ground(&ground).await;
}
