use std::fs;
use std::process::Command;

use mprov_sdk::{Object, Value, Verdict};

use crate::rig::{Rig, known};
use crate::scratch::{Disk, Scratch, run};
use crate::uuid;

const KIND: &str = "host_filesystem";
const DISK: u64 = 300 << 20;

fn image(kind: &str) -> Object {
    Object::new().with("path", "data").with("image", "images/data").with("size", "320M").with("type", kind)
}

fn on(device: &str) -> Object {
    Object::new().with("path", "data").with("device", device).with("type", "ext4")
}

fn kind_at(rig: &Rig, name: &str) -> String {
    let output = Command::new("findmnt")
        .args(["-n", "-o", "FSTYPE", "--mountpoint"])
        .arg(rig.path(name))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn bytes_at(rig: &Rig, name: &str) -> u64 {
    let found = rustix::fs::statvfs(rig.path(name)).unwrap();
    found.f_blocks * found.f_frsize
}

fn unmount(rig: &Rig, name: &str) {
    run(Command::new("umount").arg(rig.path(name)));
}

/// The whole life of a filesystem in an image.
async fn life(kind: &str, options: &str) {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let before = rig.names();
    let config = image(kind).with("label", "data").with("options", Value::list([Value::from(options)]));
    let (planned, _) = rig.plan(KIND, &config, None).await.unwrap();
    assert_eq!(planned.after["mounted"], true.into());
    assert_eq!(rig.names(), before, "planning leaves nothing");

    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert!(made.is_wholly_known());
    assert_eq!(kind_at(&rig, "data"), kind);
    assert_eq!((&made["label"], &made["device_size"]), (&"data".into(), &(320 << 20).into()));
    assert_eq!(rig.verdict(KIND, &config, &made).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &config, "t").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &config, "other").await.unwrap(), None);
    let line = format!("/images/data {} {kind} loop,{options},nofail 0 0\n", rig.path("data").display());
    assert!(rig.fstab().contains(&line), "{}", rig.fstab());
    rig.write("data/file", "kept");

    // Unmounted by hand: that is drift, and nobody fills the mount point meanwhile.
    unmount(&rig, "data");
    assert!(fs::write(rig.path("data/file"), "lost").is_err());
    let (planned, observed) = rig.plan(KIND, &config, Some(&made)).await.unwrap();
    assert_eq!((planned.verdict, &observed.unwrap()["mounted"]), (Verdict::Update, &false.into()));
    assert_eq!(rig.update(KIND, &config, &made).await.unwrap(), made);
    assert_eq!(rig.text("data/file"), "kept");

    let before_growth = bytes_at(&rig, "data");
    let larger = config.clone().with("size", "380M").with("label", "more");
    let grown = rig.update(KIND, &larger, &made).await.unwrap();
    assert!(bytes_at(&rig, "data") > before_growth + (50 << 20), "{}", bytes_at(&rig, "data"));
    assert_eq!((&grown["device_size"], &grown["label"]), (&(380 << 20).into(), &"more".into()));
    assert_eq!(rig.text("data/file"), "kept");
    assert_eq!(rig.verdict(KIND, &larger, &grown).await, Verdict::Nothing);
    let fault = rig.plan(KIND, &config, Some(&grown)).await.unwrap_err();
    assert!(fault.summary.contains("cannot become smaller"), "{fault}");

    rig.delete(KIND, &grown).await.unwrap();
    rig.delete(KIND, &grown).await.unwrap();
    assert_eq!((rig.names(), rig.fstab(), scratch.loops()), (before, String::new(), 0));
    assert_eq!(rig.resource(KIND).read(&rig.call(""), &grown).await.unwrap(), None);
}

#[tokio::test]
async fn the_life_of_btrfs_in_an_image() {
    life("btrfs", "compress=zstd").await;
}

#[tokio::test]
async fn the_life_of_xfs_in_an_image() {
    life("xfs", "noatime").await;
}

#[tokio::test]
async fn the_life_of_ext4_in_an_image() {
    life("ext4", "noatime").await;
}

#[tokio::test]
async fn an_empty_device_is_formatted_and_keeps_its_data_when_it_is_destroyed() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    let config = on(&disk.name);
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!(made["uuid"], uuid::of_step(&rig.token("t")).into());
    let line = format!(
        "UUID={} {} ext4 defaults,nofail 0 2\n",
        made.str("uuid").unwrap(),
        rig.path("data").display()
    );
    assert!(rig.fstab().contains(&line), "{}", rig.fstab());
    assert_eq!(rig.verdict(KIND, &config, &made).await, Verdict::Nothing);
    rig.write("data/file", "kept");
    rig.delete(KIND, &made).await.unwrap();
    assert!(!rig.path("data").exists() && rig.fstab().is_empty());

    // What is on it is not formatted, and not taken over by itself either.
    let fault = rig.create(KIND, &config, "t2").await.unwrap_err();
    assert!(
        fault.summary.contains("not empty") && fault.detail.contains(made.str("uuid").unwrap()),
        "{fault}"
    );
    fs::create_dir(rig.path("data")).unwrap();
    run(Command::new("mount").arg(&disk.name).arg(rig.path("data")));
    let imported = rig.resource(KIND).import(&rig.call(""), "data").await.unwrap();
    assert_eq!((&imported["device"], &imported["uuid"]), (&disk.name.as_str().into(), &made["uuid"]));
    let taken = rig.update(KIND, &config, &imported).await.unwrap();
    assert_eq!((rig.text("data/file"), &taken["in_fstab"]), ("kept".into(), &true.into()));
    rig.delete(KIND, &taken).await.unwrap();
}

#[tokio::test]
async fn a_device_with_anything_on_it_is_refused_and_left_alone() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    // A partition table with one entry.
    let table = rig.path("table");
    let mut sector = [0_u8; 512];
    sector[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 20, 0, 1, 0, 0, 0, 0, 1, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    fs::write(&table, sector).unwrap();
    let copy = format!("if={}", table.display());
    let makers: [(&[&str], &str); 4] = [
        (&["mkfs.ext4", "-q", "-L", "backup"], "ext4 \"backup\""),
        (&["mkfs.btrfs", "-q", "-f"], "btrfs"),
        (&["mkswap"], "swap"),
        (&["sh", "-c", "dd \"$0\" of=\"$1\" conv=fsync status=none", &copy], "dos"),
    ];
    for (maker, what) in makers {
        run(Command::new(maker[0]).args(&maker[1..]).arg(&disk.name));
        let before = disk.content();
        let fault = rig.plan(KIND, &on(&disk.name), None).await.unwrap_err();
        assert!(fault.summary.contains("not formatted") && fault.detail.contains(what), "{fault}");
        let planned = known(on(&disk.name).with("persist", true));
        let fault = rig.resource(KIND).create(&rig.call("t"), &planned).await.unwrap_err();
        assert!(fault.detail.contains(what), "{fault}");
        assert_eq!(rig.find(KIND, &on("/dev/none"), "t").await.ok().flatten(), None);
        assert!(disk.content() == before, "{what} was touched");
        run(Command::new("wipefs").args(["-a", "-q", &disk.name]));
    }
}

#[tokio::test]
async fn a_device_that_has_grown_is_filled() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    let config = on(&disk.name).with("type", "btrfs");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    let before = bytes_at(&rig, "data");
    disk.grow(DISK + (50 << 20));
    let (planned, _) = rig.plan(KIND, &config, Some(&made)).await.unwrap();
    assert!(planned.verdict == Verdict::Update && planned.after["device_size"].is_unknown());
    let grown = rig.update(KIND, &config, &made).await.unwrap();
    assert_eq!(grown["device_size"], (350 << 20).into());
    assert!(bytes_at(&rig, "data") >= before + (49 << 20));
    assert_eq!(rig.verdict(KIND, &config, &grown).await, Verdict::Nothing);
}

#[tokio::test]
async fn another_name_of_the_device_and_another_path_keep_the_data() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &on(&disk.name), "t").await.unwrap();
    rig.write("data/file", "kept");
    std::os::unix::fs::symlink(&disk.name, rig.path("by-id")).unwrap();
    let config = on("by-id").with("path", "srv/moved");
    let moved = rig.update(KIND, &config, &made).await.unwrap();
    assert_eq!(rig.text("srv/moved/file"), "kept");
    assert!(!rig.path("data").exists() && !rig.fstab().contains("/data "), "{}", rig.fstab());
    assert_eq!(rig.verdict(KIND, &config, &moved).await, Verdict::Nothing);
    // It is found by its UUID, whatever its name has become.
    unmount(&rig, "srv/moved");
    fs::remove_file(rig.path("by-id")).unwrap();
    let mended = rig.update(KIND, &config, &moved).await.unwrap();
    assert_eq!((rig.text("srv/moved/file"), mended), ("kept".into(), moved.clone()));
    rig.delete(KIND, &moved).await.unwrap();
    assert!(!rig.path("srv").exists());
}

#[tokio::test]
async fn another_type_for_a_device_is_refused_in_the_plan() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    let made = rig.create(KIND, &on(&disk.name), "t").await.unwrap();
    let fault = rig.plan(KIND, &on(&disk.name).with("type", "btrfs"), Some(&made)).await.unwrap_err();
    assert!(fault.summary.contains("of type ext4") && fault.detail.contains("wipefs"), "{fault}");
}

#[tokio::test]
async fn a_create_that_was_killed_is_finished_or_begun_anew() {
    let scratch = Scratch::ext4();
    let disk = Disk::new(&scratch, DISK);
    let rig = Rig::at(&scratch.mount()).await;
    // An image that did not get its name.
    fs::create_dir(rig.path("images")).unwrap();
    rig.write("images/.data.mprov-new", "half");
    assert_eq!(rig.find(KIND, &image("ext4"), "t").await.unwrap(), None);
    assert!(fs::read_dir(rig.path("images")).unwrap().next().is_none());

    // A device that was formatted and not mounted.
    let format = |name: &str| {
        run(Command::new("mkfs.ext4").args(["-q", "-U", &uuid::of_step(&rig.token(name)), &disk.name]));
    };
    format("t1");
    let found = rig.find(KIND, &on(&disk.name), "t1").await.unwrap().unwrap();
    assert_eq!((kind_at(&rig, "data"), &found["in_fstab"]), ("ext4".into(), &true.into()));
    assert_eq!(rig.find(KIND, &on(&disk.name), "t1").await.unwrap(), Some(found.clone()));
    rig.delete(KIND, &found).await.unwrap();
    run(Command::new("wipefs").args(["-a", "-q", &disk.name]));

    // One that was half formatted: it is not mountable, and the next apply has another token.
    format("t2");
    run(Command::new("dd")
        .args(["if=/dev/zero", "bs=1k", "seek=2", "count=100", "conv=notrunc,fsync", "status=none"])
        .arg(format!("of={}", disk.name)));
    assert_eq!(rig.find(KIND, &on(&disk.name), "t2").await.unwrap(), None);
    // The same step tried again formats what it has begun to.
    format("t3");
    let made = rig.create(KIND, &on(&disk.name), "t3").await.unwrap();
    assert_eq!(made["mounted"], true.into());
    // Another's is not touched by a find.
    assert_eq!(rig.find(KIND, &on(&disk.name), "t2").await.unwrap(), None);
    assert_eq!(rig.verdict(KIND, &on(&disk.name), &made).await, Verdict::Nothing);
}

#[tokio::test]
async fn what_cannot_be_mounted_is_recorded_and_finished_by_the_next_apply() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let wrong = image("ext4").with("options", Value::list([Value::from("no-such-option")]));
    let fault = rig.create(KIND, &wrong, "t").await.unwrap_err();
    assert!(fault.summary.contains("mount") && fault.resumable, "{fault}");
    let partial = fault.partial.unwrap();
    assert_eq!(partial["mounted"], false.into());
    let made = rig.update(KIND, &image("ext4"), &partial).await.unwrap();
    assert_eq!(made["mounted"], true.into());
    let read_only = image("ext4").with("options", Value::list([Value::from("ro")]));
    let changed = rig.update(KIND, &read_only, &made).await.unwrap();
    assert!(fs::write(rig.path("data/file"), "x").is_err());
    let writable = rig.update(KIND, &image("ext4"), &changed).await.unwrap();
    rig.write("data/file", "x");
    rig.delete(KIND, &writable).await.unwrap();
}

#[tokio::test]
async fn without_persist_the_table_stays_as_it_is() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let config = image("ext4").with("persist", false);
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!((rig.fstab(), &made["in_fstab"]), (String::new(), &false.into()));
    let noted = rig.update(KIND, &image("ext4"), &made).await.unwrap();
    assert!(noted["in_fstab"] == true.into() && rig.fstab().contains("nofail"));
    let forgotten = rig.update(KIND, &config, &noted).await.unwrap();
    assert_eq!(
        (rig.fstab(), rig.verdict(KIND, &config, &forgotten).await),
        (String::new(), Verdict::Nothing)
    );
}

#[tokio::test]
async fn what_is_in_the_way_is_neither_hidden_nor_removed() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    fs::create_dir(rig.path("data")).unwrap();
    rig.write("data/precious", "keep");
    let fault = rig.create(KIND, &image("ext4"), "t").await.unwrap_err();
    assert!(fault.summary.contains("not empty") && fault.detail.contains("precious"), "{fault}");
    rig.delete(KIND, &fault.partial.unwrap()).await.unwrap();
    assert_eq!(rig.text("data/precious"), "keep");
    // A folder that was there already and is empty is used, and stays.
    fs::remove_file(rig.path("data/precious")).unwrap();
    let made = rig.create(KIND, &image("ext4"), "t2").await.unwrap();
    fs::create_dir(rig.path("data/inner")).unwrap();
    run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(rig.path("data/inner")));
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.detail.contains("data/inner") && rig.fstab().contains("nofail"), "{fault}");
    unmount(&rig, "data/inner");
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.path("data").exists());
    rig.write("data/free", "again");
}

#[tokio::test]
async fn what_lies_in_what_is_not_mounted_is_not_gone() {
    let scratch = Scratch::ext4();
    let rig = Rig::at(&scratch.mount()).await;
    let srv = rig.create(KIND, &image("xfs"), "t1").await.unwrap();
    let on_it = [
        ("host_volume", Object::new().with("path", "data/dir")),
        ("host_volume", Object::new().with("path", "data/image").with("driver", "image").with("size", "50M")),
        ("host_directory", Object::new().with("path", "data/image/db")),
        ("host_file", Object::new().with("path", "data/file").with("content", "x")),
    ];
    let mut made = Vec::new();
    for (number, (kind, config)) in on_it.iter().enumerate() {
        made.push(rig.create(kind, config, &format!("u{number}")).await.unwrap());
    }
    run(Command::new("umount").arg("-R").arg(rig.path("data")));
    for ((kind, config), stored) in on_it.iter().zip(&made) {
        // An image was unmounted as well, and is to be mounted again after what it lies in.
        let expected = if stored["mounted"].is_null() { Verdict::Nothing } else { Verdict::Update };
        assert_eq!(rig.verdict(kind, config, stored).await, expected, "{kind} {config:?}");
    }
    // What is new there cannot be looked at yet, and not be made in the wrong place.
    let (planned, _) = rig.plan("host_volume", &Object::new().with("path", "data/new"), None).await.unwrap();
    assert!(planned.after["driver_used"].is_unknown());
    rig.update(KIND, &image("xfs"), &srv).await.unwrap();
    rig.update(on_it[1].0, &on_it[1].1, &made[1]).await.unwrap();
    for ((kind, config), stored) in on_it.iter().zip(&made) {
        assert_eq!(rig.verdict(kind, config, stored).await, Verdict::Nothing, "{kind} {config:?}");
    }
    fs::remove_dir(rig.path("data/image/db")).unwrap();
    assert_eq!(rig.verdict(on_it[2].0, &on_it[2].1, &made[2]).await, Verdict::Create);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let rig = Rig::new().await;
    for (wrong, attribute) in [
        (Object::new().with("path", "x"), "device"),
        (on("/dev/sdb").with("image", "i").with("size", "1G"), "device"),
        (on("/dev/sdb").with("size", "1G"), "size"),
        (image("ext4").with("size", Value::Null), "image"),
        (image("zfs"), "type"),
        (image("xfs").with("size", "200M"), "size"),
        (image("xfs").with("label", "thirteen-long"), "label"),
        (image("ext4").with("label", "a b"), "label"),
    ] {
        let found = rig.provider.validate(KIND, &wrong);
        let addresses: Vec<_> = found.iter().filter_map(|d| d.address.as_deref()).collect();
        assert_eq!(addresses, [attribute], "{wrong:?}");
    }
    assert!(rig.provider.validate(KIND, &image("xfs")).is_empty());
    assert!(rig.provider.validate(KIND, &on("/dev/sdb")).is_empty());
}
