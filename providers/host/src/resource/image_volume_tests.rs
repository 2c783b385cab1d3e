use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mprov_sdk::{Object, Verdict};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::image_volume::image_of;
use crate::lockstep::{LockStep, wait};
use crate::rig::{Rig, known};
use crate::scratch::{Scratch, run};

const KIND: &str = "host_volume";
const CLONE: &str = include_str!("clone_frozen.sh");

fn image(path: &str) -> Object {
    Object::new().with("path", path).with("driver", "image").with("size", "120M")
}

fn clone_of(path: &str, source: &str) -> Object {
    Object::new().with("path", path).with("driver", "image").with("clone_of", source)
}

fn device(path: &Path) -> u64 {
    fs::metadata(path).unwrap().dev()
}

/// Whether a write comes to its end.
fn is_writable(folder: &Path) -> bool {
    let file = folder.join("probe");
    let mut write = Command::new("dd")
        .args(["if=/dev/zero", "count=1", "conv=fsync", "status=none"])
        .arg(format!("of={}", file.display()))
        .spawn()
        .unwrap();
    let done = wait(Duration::from_secs(5), || write.try_wait().unwrap().is_some());
    if !done {
        // It ends when the filesystem is thawed.
        run(Command::new("fsfreeze").arg("--unfreeze").arg(folder));
    }
    drop(write.wait());
    done
}

#[tokio::test]
async fn the_life_of_an_image_and_its_clone() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    let (planned, _) = rig.plan(KIND, &image("data"), None).await.unwrap();
    for (name, value) in
        [("driver_used", "image".into()), ("one_instant", true.into()), ("mounted", true.into())]
    {
        assert_eq!(planned.after[name], value, "the plan tells {name}");
    }
    assert!(rig.names().is_empty());

    let made = rig.create(KIND, &image("data").with("mode", "2770").with("owner", "33"), "t1").await.unwrap();
    let config = image("data").with("mode", "2770").with("owner", "33");
    assert!(made.is_wholly_known());
    assert_eq!(rig.verdict(KIND, &config, &made).await, Verdict::Nothing);
    assert_ne!(device(&rig.path("data")), device(&rig.folder));
    assert_eq!((rig.mode("data"), fs::metadata(rig.path("data")).unwrap().uid()), (0o2770, 33));
    assert_eq!(fs::read_dir(rig.path("data")).unwrap().count(), 0, "a new volume is empty");
    assert!(rig.fstab().contains("/data ext4 loop,nofail 0 0\n"), "{}", rig.fstab());
    assert_eq!(rig.find(KIND, &config, "t1").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &image("data"), "other").await.unwrap(), None);
    fs::write(rig.path("data/file"), "one").unwrap();

    let clone = rig.create(KIND, &clone_of("sub/g2", "data"), "t2").await.unwrap();
    assert_eq!((&clone["size"], &clone["clone_copies"]), (&"120M".into(), &0.into()));
    assert_eq!(rig.text("sub/g2/file"), "one");
    assert_eq!((rig.mode("sub/g2"), fs::metadata(rig.path("sub/g2")).unwrap().uid()), (0o2770, 33));
    assert_eq!(rig.verdict(KIND, &clone_of("sub/g2", "data"), &clone).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &clone_of("sub/g2", "data"), "t2").await.unwrap(), Some(clone.clone()));
    fs::write(rig.path("sub/g2/file"), "two").unwrap();
    assert_eq!(rig.text("data/file"), "one");
    let uuid = |path: &str| {
        let image = image_of(rig.path(path).to_str().unwrap());
        Command::new("blkid").args(["-p", "-o", "value", "-s", "UUID", &image]).output().unwrap().stdout
    };
    assert_ne!(uuid("data"), uuid("sub/g2"));

    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.names().is_empty(), "{:?}", rig.names());
    assert_eq!(rig.fstab(), "");
    assert_eq!(scratch.loops(), 0, "loop devices are given back");
}

#[tokio::test]
async fn a_clone_of_a_volume_that_is_written_to_is_one_instant() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &image("data"), "t").await.unwrap();
    let writer = LockStep::start(&rig.path("data"));
    for round in 0..5 {
        let before = writer.wait_for(3);
        let name = format!("g{round}");
        rig.create(KIND, &clone_of(&name, "data"), &name).await.unwrap();
        let after = writer.wait_for(3);
        writer.assert_one_instant(&rig.path(&name), before, after);
    }
    // Nothing is left to the journal: it was at rest when it was cloned.
    run(&mut cloning(&rig, "30"));
    let output = Command::new("dumpe2fs").arg("-h").arg(rig.path("clone")).output().unwrap();
    let head = String::from_utf8(output.stdout).unwrap();
    assert!(head.contains("has_journal") && !head.contains("needs_recovery"), "{head}");
}

/// What clones `data` to `clone`.
fn cloning(rig: &Rig, seconds: &str) -> Command {
    let data = rig.path("data");
    let number = Command::new("mountpoint").arg("-d").arg(&data).output().unwrap().stdout;
    let mut command = Command::new("sh");
    command.args(["-c", CLONE, "clone"]);
    command.args([&data, Path::new(&image_of(data.to_str().unwrap())), &rig.path("clone")]);
    command.args([String::from_utf8(number).unwrap().trim(), seconds]);
    command
}

/// A process group that does not outlive the test.
struct Group(Child);

impl Group {
    fn id(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed()).unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = kill_process_group(self.id(), Signal::KILL);
        drop(self.0.wait());
    }
}

/// Starts it with a `cp` that does not come to its end, and waits until it is frozen.
fn hanging_clone(rig: &Rig, seconds: &str) -> Group {
    let (bin, data) = (rig.path("bin"), rig.path("data"));
    drop(fs::remove_dir_all(&bin));
    fs::create_dir(&bin).unwrap();
    rig.write("bin/cp", "#!/bin/sh\ntouch \"$(dirname \"$0\")/begun\"\nexec sleep 60\n");
    fs::set_permissions(rig.path("bin/cp"), fs::Permissions::from_mode(0o755)).unwrap();
    let child = cloning(rig, seconds)
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child = Group(child);
    assert!(wait(Duration::from_secs(20), || bin.join("begun").exists()), "the clone has begun");
    assert!(is_frozen(&data));
    child
}

#[tokio::test]
async fn whoever_is_killed_in_a_clone_nothing_stays_frozen() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &image("data"), "t").await.unwrap();
    let end = |signal, group: bool, seconds| {
        let mut clone = hanging_clone(&rig, seconds);
        match (signal, group) {
            (None, _) => {}
            (Some(signal), true) => kill_process_group(clone.id(), signal).unwrap(),
            (Some(signal), false) => kill_process(clone.id(), signal).unwrap(),
        }
        assert!(!clone.0.wait().unwrap().success());
        assert!(is_writable(&rig.path("data")), "{signal:?} {group} {seconds}");
    };
    // As when it is cancelled, when everything of it is killed, when the shell is, and when it hangs.
    end(Some(Signal::TERM), true, "30");
    end(Some(Signal::KILL), true, "30");
    end(Some(Signal::KILL), false, "1");
    end(None, false, "1");
    rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
}

#[tokio::test]
async fn what_somebody_else_has_frozen_is_not_thawed() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &image("data"), "t").await.unwrap();
    let data = rig.path("data");
    run(Command::new("fsfreeze").arg("--freeze").arg(&data));
    let fault = rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap_err();
    let still = is_frozen(&data);
    run(Command::new("fsfreeze").arg("--unfreeze").arg(&data));
    assert!(still && fault.detail.contains("--unfreeze"), "{fault}");
    assert!(!rig.path("g2").exists() && rig.names() == [".data.mprov-image", "data"], "{:?}", rig.names());
}

#[tokio::test]
async fn what_was_unmounted_is_drift_and_is_mounted_again() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &image("data"), "t").await.unwrap();
    fs::write(rig.path("data/file"), "kept").unwrap();
    run(Command::new("umount").arg(rig.path("data")));
    // Nobody fills the mount point, and nobody takes it for the volume.
    assert!(fs::write(rig.path("data/file"), "lost").is_err());
    let fault = rig.create(KIND, &Object::new().with("path", "g2").with("clone_of", "data"), "t2").await;
    assert!(fault.unwrap_err().summary.contains("is not mounted"));
    // Its image is at rest: that can be cloned.
    rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
    assert_eq!(rig.text("g2/file"), "kept");
    let mended = rig.update(KIND, &image("data"), &made).await.unwrap();
    assert_eq!(mended, made);
    assert_eq!(rig.text("data/file"), "kept");
}

#[tokio::test]
async fn an_image_grows_in_place_and_never_shrinks() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &image("data"), "t").await.unwrap();
    fs::write(rig.path("data/file"), "kept").unwrap();
    let total = |name: &str| {
        let found = rustix::fs::statvfs(rig.path(name)).unwrap();
        found.f_blocks * found.f_frsize
    };
    let before = total("data");
    let grown = rig.update(KIND, &image("data").with("size", "200M"), &made).await.unwrap();
    assert!(total("data") >= before + (70 << 20), "{} and {before}", total("data"));
    assert_eq!((rig.text("data/file"), &grown["size"]), ("kept".into(), &"200M".into()));
    // Killed between the file's growth and the filesystem's: the update is planned again.
    run(Command::new("truncate").args(["--size", "220M"]).arg(image_of(rig.path("data").to_str().unwrap())));
    assert_eq!(rig.verdict(KIND, &image("data").with("size", "220M"), &grown).await, Verdict::Update);
    for smaller in [image("data"), clone_of("g2", "data").with("size", "100M")] {
        let fault = rig.plan(KIND, &smaller, None).await.unwrap_err();
        assert!(fault.summary.contains("cannot become smaller"), "{fault}");
    }
    let larger = rig.create(KIND, &clone_of("g2", "data").with("size", "300M"), "t2").await.unwrap();
    assert!(larger["size"] == "300M".into() && total("g2") > 250 << 20);
}

#[tokio::test]
async fn a_create_that_was_killed_is_finished_or_cleaned_up() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    // Before the image had its name.
    rig.write("..data.mprov-image.mprov-new", "half");
    assert_eq!(rig.find(KIND, &image("data"), "t").await.unwrap(), None);
    assert!(rig.names().is_empty(), "{:?}", rig.names());
    // After it: as after a reboot without a line in the table.
    let made = rig.create(KIND, &image("data"), "t").await.unwrap();
    run(Command::new("umount").arg(rig.path("data")));
    run(Command::new("chattr").arg("-i").arg(rig.path("data")));
    fs::remove_dir(rig.path("data")).unwrap();
    let found = rig.resource(KIND).find(&rig.call("t"), &known(made.clone())).await.unwrap();
    assert_eq!(found, Some(made.clone()));
    assert_ne!(device(&rig.path("data")), device(&rig.folder));
    rig.delete(KIND, &made).await.unwrap();
}

#[tokio::test]
async fn usage_of_images_tells_what_is_shared() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    let data = rig.create(KIND, &image("data"), "t").await.unwrap();
    fs::write(rig.path("data/big"), vec![9; 30 << 20]).unwrap();
    let clone = rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
    fs::write(rig.path("g2/own"), vec![7; 5 << 20]).unwrap();
    rustix::fs::syncfs(fs::File::open(rig.path("g2")).unwrap()).unwrap();
    scratch.used();
    let usage = async |stored| rig.resource(KIND).usage(&rig.call(""), stored).await.unwrap().unwrap();
    let (of_data, of_clone) = (usage(&data).await, usage(&clone).await);
    // Room that is kept for what is zero is not shared.
    assert!(of_data.total >= 30 << 20 && of_data.unique.unwrap() < 6 << 20, "{of_data:?}");
    let unique = of_clone.unique.unwrap();
    assert!(of_clone.total >= 35 << 20 && (5 << 20..7 << 20).contains(&unique), "{of_clone:?}");
}

#[tokio::test]
async fn an_image_is_refused_where_it_would_not_work() {
    let (ext4, xfs) = (Scratch::ext4(), Scratch::xfs());
    let rig = Rig::at(&ext4.mount()).await;
    let fault = rig.plan(KIND, &image("data"), None).await.unwrap_err();
    assert!(fault.detail.contains("reflink=1"), "{fault}");
    let rig = Rig::at(&xfs.mount()).await;
    rig.create(KIND, &Object::new().with("path", "dir"), "t").await.unwrap();
    let fault = rig.plan(KIND, &clone_of("g2", "dir"), None).await.unwrap_err();
    assert!(fault.summary.contains("is no image"), "{fault}");
    for wrong in [
        Object::new().with("path", "v").with("driver", "image"),
        Object::new().with("path", "v").with("driver", "auto").with("size", "1G"),
        image("v").with("size", "large"),
    ] {
        assert!(rig.provider.validate(KIND, &wrong).has_errors(), "{wrong:?}");
    }
    assert!(!rig.provider.validate(KIND, &clone_of("g2", "dir")).has_errors());
}

#[tokio::test]
async fn what_is_in_use_is_neither_unmounted_nor_removed() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &image("data"), "t").await.unwrap();
    let open = fs::File::create(rig.path("data/open")).unwrap();
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.summary.contains("in use") && fault.detail.contains("fuser"), "{fault}");
    drop(open);
    assert!(rig.path("data/open").exists());
    let imported = rig.resource(KIND).import(&rig.call(""), "data").await.unwrap();
    rig.delete(KIND, &imported).await.unwrap();
    assert!(rig.names().is_empty());
}

fn is_frozen(folder: &Path) -> bool {
    let again = Command::new("fsfreeze").arg("--freeze").arg(folder).output().unwrap();
    if again.status.success() {
        run(Command::new("fsfreeze").arg("--unfreeze").arg(folder));
    }
    !again.status.success()
}
