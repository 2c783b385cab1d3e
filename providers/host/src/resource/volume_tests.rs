use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use mprov_sdk::{Object, Verdict};

use crate::rig::Rig;
use crate::scratch::{Scratch, run};

const KIND: &str = "host_volume";

fn volume(path: &str) -> Object {
    Object::new().with("path", path)
}

/// Files with owners, modes, a link, a hard link and a hole.
fn fill(folder: &Path) {
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/big"), vec![7; 3 << 20]).unwrap();
    std::os::unix::fs::chown(folder.join("sub"), Some(33), Some(44)).unwrap();
    fs::set_permissions(folder.join("sub/big"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(folder.join("sub/big"), folder.join("same")).unwrap();
    std::os::unix::fs::symlink("sub/big", folder.join("link")).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o2770)).unwrap();
    std::os::unix::fs::chown(folder, Some(33), Some(33)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o2770)).unwrap();
}

fn assert_same(clone: &Path) {
    let meta = |name: &str| clone.join(name).symlink_metadata().unwrap();
    assert_eq!(fs::read(clone.join("link")).unwrap(), vec![7; 3 << 20]);
    assert_eq!((meta("sub").uid(), meta("sub").gid()), (33, 44));
    assert_eq!(meta("same").mode() & 0o7777, 0o640);
    assert_eq!(meta("same").ino(), meta("sub/big").ino());
    assert!(meta("link").is_symlink());
    assert_eq!((meta(".").uid(), meta(".").mode() & 0o7777), (33, 0o2770));
}

/// The whole life of a volume and its clone with one driver, found by probing.
async fn life(scratch: Scratch, driver: &str) {
    let rig = Rig::at(&scratch.mount()).await;
    let before = rig.names();
    let (planned, _) = rig.plan(KIND, &volume("data"), None).await.unwrap();
    assert_eq!(planned.after["driver_used"], driver.into(), "the plan tells the driver");
    assert_eq!(rig.names(), before, "probing leaves nothing");

    let made = rig.create(KIND, &volume("data"), "t1").await.unwrap();
    assert!(made.is_wholly_known());
    assert_eq!(made["driver_used"], driver.into());
    assert_eq!(made["one_instant"], (driver == "btrfs").into());
    assert_eq!(rig.verdict(KIND, &volume("data"), &made).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &volume("data"), "t1").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &volume("data"), "other").await.unwrap(), None);
    fill(&rig.path("data"));

    let config = volume("copies/g2").with("clone_of", "data");
    let clone = rig.create(KIND, &config, "t2").await.unwrap();
    assert_eq!(clone["driver_used"], driver.into());
    assert_same(&rig.path("copies/g2"));
    assert_eq!(rig.verdict(KIND, &config, &clone).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &config, "t2").await.unwrap(), Some(clone.clone()));
    // The clone's mark is its own, not its source's.
    assert_eq!(rig.find(KIND, &config, "t1").await.unwrap(), None);

    // A write to the one is not in the other.
    fs::write(rig.path("copies/g2/sub/big"), "changed").unwrap();
    assert_eq!(fs::read(rig.path("data/same")).unwrap().len(), 3 << 20);

    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!(rig.names(), before);
}

#[tokio::test]
async fn on_btrfs_volumes_are_subvolumes_and_clones_are_snapshots() {
    life(Scratch::btrfs(), "btrfs").await;
}

#[tokio::test]
async fn on_xfs_clones_share_their_data() {
    life(Scratch::xfs(), "reflink").await;
}

#[tokio::test]
async fn elsewhere_clones_are_copies() {
    life(Scratch::ext4(), "copy").await;
}

#[tokio::test]
async fn what_copies_file_by_file_refuses_what_is_being_written_to() {
    for (scratch, driver) in [(Scratch::ext4(), "copy"), (Scratch::xfs(), "reflink")] {
        let rig = Rig::at(&scratch.mount()).await;
        let made = rig.create(KIND, &volume("data"), "t1").await.unwrap();
        rig.write("data/read", "x");
        let reader = fs::File::open(rig.path("data/read")).unwrap();
        let writer = fs::File::create(rig.path("data/written")).unwrap();
        let before = rig.names();
        let config = volume("clone").with("clone_of", "data");
        let fault = rig.create(KIND, &config, "t2").await.unwrap_err();
        let process = format!("(process {})", std::process::id());
        assert!(fault.summary.contains(&process) && fault.summary.contains(driver), "{fault}");
        assert_eq!(rig.names(), before, "nothing is left of it");
        drop(writer);
        let clone = rig.create(KIND, &config, "t2").await.unwrap();
        drop(reader);
        rig.delete(KIND, &clone).await.unwrap();
        rig.delete(KIND, &made).await.unwrap();
    }
}

#[tokio::test]
async fn on_btrfs_a_volume_is_cloned_while_it_is_written_to() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &volume("data"), "t1").await.unwrap();
    let _writer = fs::File::create(rig.path("data/written")).unwrap();
    rig.create(KIND, &volume("clone").with("clone_of", "data"), "t2").await.unwrap();
}

#[tokio::test]
async fn without_extended_attributes_marks_lie_beside_and_go_with_what_they_mark() {
    let scratch = Scratch::ramfs();
    let rig = Rig::at(&scratch.mount()).await;
    let directory = Object::new().with("path", "dir");
    let dir = rig.create("host_directory", &directory, "t1").await.unwrap();
    let data = rig.create(KIND, &volume("data"), "t2").await.unwrap();
    rig.write("data/file", "x");
    let config = volume("g2").with("clone_of", "data");
    let clone = rig.create(KIND, &config, "t3").await.unwrap();
    assert_eq!(rig.text("g2/file"), "x");
    assert_eq!(rig.find("host_directory", &directory, "t1").await.unwrap(), Some(dir.clone()));
    assert_eq!(rig.find("host_directory", &directory, "other").await.unwrap(), None);
    assert_eq!(rig.find(KIND, &config, "t3").await.unwrap(), Some(clone.clone()));
    assert_eq!(rig.find(KIND, &config, "t2").await.unwrap(), None);
    let file = Object::new().with("path", "sub/f").with("content", "x");
    let written = rig.create("host_file", &file, "t4").await.unwrap();
    rig.delete("host_file", &written).await.unwrap();
    rig.delete("host_directory", &dir).await.unwrap();
    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &data).await.unwrap();
    assert!(rig.names().is_empty(), "{:?}", rig.names());
}

#[tokio::test]
async fn a_clone_in_the_making_when_mprov_was_killed_is_not_made_twice() {
    let rig = Rig::new().await;
    // The copy of the apply that was killed, still under way.
    let mut left = Command::new("sleep").arg("60").env("MPROV_TOKEN", rig.token("t")).spawn().unwrap();
    let fault = rig.find(KIND, &volume("g2"), "t").await.unwrap_err();
    left.kill().unwrap();
    left.wait().unwrap();
    assert!(fault.summary.contains("still being made"), "{fault}");
}

#[tokio::test]
async fn plans_of_volumes_in_one_folder_do_not_disturb_each_other() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    // What a plan that was killed has left.
    run(Command::new("btrfs").args(["subvolume", "create"]).arg(rig.path(".probe.mprov-probe")));
    let configs: Vec<Object> = (0..6).map(|n| volume(&format!("v{n}"))).collect();
    let plans = configs.iter().map(|config| rig.plan(KIND, config, None));
    for plan in futures_util::future::join_all(plans).await {
        assert_eq!(plan.unwrap().0.after["driver_used"], "btrfs".into());
    }
    assert!(rig.names().is_empty(), "{:?}", rig.names());
}

#[tokio::test]
async fn half_a_clone_is_cleaned_up_and_never_taken_for_a_volume() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    // What a kill between the snapshot and the rename leaves.
    run(Command::new("btrfs").args(["subvolume", "create"]).arg(rig.path(".g2.mprov-new")));
    rig.write(".g2.mprov-new/part", "x");
    let found = rig.find(KIND, &volume("g2"), "t").await.unwrap();
    assert_eq!(found, None);
    assert!(rig.names().is_empty(), "{:?}", rig.names());
}

#[tokio::test]
async fn a_volume_with_subvolumes_inside_is_removed_whole() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &volume("data"), "t").await.unwrap();
    run(Command::new("btrfs").args(["subvolume", "create"]).arg(rig.path("data/inner")));
    rig.write("data/inner/file", "x");
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.names().is_empty());
}

#[tokio::test]
async fn what_is_mounted_inside_is_not_emptied() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &volume("data"), "t").await.unwrap();
    fs::create_dir(rig.path("data/inner")).unwrap();
    fs::create_dir(rig.path("theirs")).unwrap();
    rig.write("theirs/precious", "keep");
    run(Command::new("mount").arg("--bind").arg(rig.path("theirs")).arg(rig.path("data/inner")));
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.summary.contains("mounted") && fault.detail.contains("data/inner"), "{fault}");
    // Nothing was begun: it is whole.
    assert_eq!(rig.verdict(KIND, &volume("data"), &made).await, Verdict::Nothing);
    run(Command::new("umount").arg(rig.path("data/inner")));
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!(rig.text("theirs/precious"), "keep");
}

#[tokio::test]
async fn an_interrupted_delete_is_seen_and_the_volume_replaced() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &volume("data"), "t").await.unwrap();
    crate::mark::set(
        &crate::connection::Local,
        rig.path("data").to_str().unwrap(),
        rig.path("data").to_str().unwrap(),
        &crate::mark::Mark::Deleting,
    )
    .await
    .unwrap();
    assert_eq!(rig.verdict(KIND, &volume("data"), &made).await, Verdict::Replace);
    let fault = rig.create(KIND, &volume("g2").with("clone_of", "data"), "t2").await.unwrap_err();
    assert!(fault.summary.contains("half deleted"), "{fault}");
}

#[tokio::test]
async fn a_driver_that_does_not_work_is_refused_in_the_plan() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    for driver in ["btrfs", "reflink"] {
        let fault = rig.plan(KIND, &volume("data").with("driver", driver), None).await.unwrap_err();
        assert!(fault.summary.contains(driver) && fault.detail.contains("auto"), "{fault}");
    }
    rig.create(KIND, &volume("data").with("driver", "copy"), "t").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fs::write(rig.path("data/big"), vec![1; 250 << 20]).unwrap();
    let names = rig.names();
    let fault = rig.create(KIND, &volume("g2").with("clone_of", "data"), "t2").await.unwrap_err();
    assert!(fault.detail.contains("Free some space"), "{fault}");
    assert_eq!(rig.names(), names);
}

#[tokio::test]
async fn data_that_is_there_is_not_taken_over() {
    let rig = Rig::new().await;
    fs::create_dir(rig.path("theirs")).unwrap();
    rig.write("theirs/precious", "keep");
    let fault = rig.create(KIND, &volume("theirs"), "t").await.unwrap_err();
    assert!(fault.summary.contains("is there already"), "{fault}");
    let imported = rig.resource(KIND).import(&rig.call(""), "theirs").await.unwrap();
    assert_eq!(rig.verdict(KIND, &volume("theirs"), &imported).await, Verdict::Nothing);
}
