//! What volumes and their clones take of the disk.

use std::fs;
use std::path::Path;

use mprov_sdk::{Object, Usage};

use crate::rig::Rig;
use crate::scratch::Scratch;

const KIND: &str = "host_volume";

fn volume(path: &str) -> Object {
    Object::new().with("path", path)
}

fn clone_of(path: &str, source: &str) -> Object {
    volume(path).with("clone_of", source)
}

/// Files that no filesystem can make smaller.
fn fill(folder: &Path, files: usize, bytes: usize) {
    for number in 0..files {
        let noise: Vec<u8> = (0..bytes / 4).flat_map(|n| (n as u32 ^ 0x9e37_79b9).to_le_bytes()).collect();
        fs::write(folder.join(format!("f{number}")), noise).unwrap();
    }
}

async fn usage(rig: &Rig, stored: &Object) -> Usage {
    rig.resource(KIND).usage(&rig.call(""), stored).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_btrfs_clone_does_not_grow_with_its_source() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    let mut taken = Vec::new();
    for (name, files) in [("small", 20), ("large", 400)] {
        rig.create(KIND, &volume(name), name).await.unwrap();
        fill(&rig.path(name), files, 200 << 10);
        let before = scratch.used();
        let clone = format!("{name}-clone");
        let made = rig.create(KIND, &clone_of(&clone, name), &clone).await.unwrap();
        assert_eq!(made["clone_copies"], 0.into());
        taken.push(scratch.used() - before);
    }
    assert!(taken.iter().all(|bytes| *bytes < 256 << 10), "4 and 80 MB of files: {taken:?}");
}

#[tokio::test]
async fn a_reflink_clone_takes_no_room_for_data() {
    let scratch = Scratch::xfs();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fs::write(rig.path("data/big"), vec![1; 100 << 20]).unwrap();
    let before = scratch.used();
    let made = rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
    assert_eq!((&made["clone_copies"], &made["one_instant"]), (&0.into(), &false.into()));
    assert!(scratch.used() - before < 10 << 20, "{} bytes", scratch.used() - before);
}

#[tokio::test]
async fn the_plan_of_a_copy_tells_how_much_it_copies() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let empty = rig.create(KIND, &volume("data"), "t1").await.unwrap();
    assert_eq!(empty["clone_copies"], 0.into());
    fill(&rig.path("data"), 10, 1 << 20);
    scratch.used();
    let (planned, _) = rig.plan(KIND, &clone_of("g2", "data"), None).await.unwrap();
    let copies = planned.after["clone_copies"].as_i64().unwrap();
    assert!((10 << 20..11 << 20).contains(&copies), "{copies}");
    // What was planned is recorded, whatever has been written since.
    fill(&rig.path("data"), 12, 1 << 20);
    let made = rig.resource(KIND).create(&rig.call("t2"), &crate::rig::known(planned.after)).await.unwrap();
    assert_eq!(made["clone_copies"], copies.into());
}

#[tokio::test]
async fn what_has_no_room_is_refused_in_the_plan_with_what_is_missing() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fs::write(rig.path("data/big"), vec![1; 250 << 20]).unwrap();
    scratch.used();
    let names = rig.names();
    let fault = rig.plan(KIND, &clone_of("g2", "data"), None).await.unwrap_err();
    let data = rig.path("data");
    assert!(fault.summary.starts_with(&format!("cloning {} needs 26", data.display())), "{fault}");
    let missing = fault.summary.rsplit(": ").next().unwrap();
    let mebibytes: f64 = missing.split(' ').next().unwrap().parse().unwrap();
    assert!(missing.ends_with(" MiB are missing") && (100.0..200.0).contains(&mebibytes), "{fault}");
    assert!(fault.detail.contains("Free some space"), "{fault}");
    assert_eq!(rig.names(), names);
    // The same where room is short although there was enough in the plan.
    let planned = clone_of("g2", "data").with("driver", "copy").with("driver_used", "copy");
    let fault = rig.resource(KIND).create(&rig.call("t2"), &planned).await.unwrap_err();
    assert!(fault.summary.contains("missing"), "{fault}");
    assert_eq!(rig.names(), names);
}

#[tokio::test]
async fn a_source_on_another_filesystem_is_copied() {
    let (here, there) = (Scratch::btrfs(), Scratch::btrfs());
    let rig = Rig::at(&here.mount()).await;
    let other = Rig::at(&there.mount()).await;
    other.create(KIND, &volume("data"), "t1").await.unwrap();
    fill(&other.path("data"), 3, 1 << 20);
    let config = clone_of("g2", other.path("data").to_str().unwrap());
    for driver in ["btrfs", "reflink"] {
        let fault = rig.plan(KIND, &config.clone().with("driver", driver), None).await.unwrap_err();
        assert!(fault.detail.contains("cannot share data with what it is a clone of"), "{fault}");
    }
    let made = rig.create(KIND, &config, "t2").await.unwrap();
    assert_eq!(made["driver_used"], "copy".into());
    assert_eq!(fs::read(rig.path("g2/f2")).unwrap(), fs::read(other.path("data/f2")).unwrap());
}

#[tokio::test]
async fn usage_tells_what_is_reached_and_what_a_delete_would_free() {
    let scratch = Scratch::btrfs();
    let rig = Rig::at(&scratch.mount()).await;
    let data = rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fill(&rig.path("data"), 10, 1 << 20);
    scratch.used();
    let alone = usage(&rig, &data).await;
    assert!(alone.total >= 10 << 20 && alone.unique.unwrap() >= 10 << 20, "{alone:?}");
    let clone = rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
    fs::write(rig.path("g2/own"), vec![3; 2 << 20]).unwrap();
    scratch.used();
    let shared = usage(&rig, &clone).await;
    assert!(shared.total >= 12 << 20, "{shared:?}");
    assert!((2 << 20..3 << 20).contains(&shared.unique.unwrap()), "{shared:?}");
    rig.delete(KIND, &clone).await.unwrap();
    assert_eq!(rig.resource(KIND).usage(&rig.call(""), &clone).await.unwrap(), None);
}

#[tokio::test]
async fn where_files_share_data_usage_does_not_guess_and_copies_hold_all_of_theirs() {
    let xfs = Scratch::xfs();
    let rig = Rig::at(&xfs.mount()).await;
    let data = rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fill(&rig.path("data"), 2, 1 << 20);
    xfs.used();
    assert_eq!(usage(&rig, &data).await.unique, None);
    let config = clone_of("g2", "data").with("driver", "copy");
    let before = xfs.used();
    let copy = rig.create(KIND, &config, "t2").await.unwrap();
    assert!(xfs.used() - before >= 2 << 20, "a copy that was asked for is one");
    let held = usage(&rig, &copy).await;
    assert_eq!(held.unique, Some(held.total));
}
