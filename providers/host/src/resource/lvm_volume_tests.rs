//! What holds for volumes on LVM. Where it needs device-mapper it runs in a guest.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use mprov_sdk::{Object, Verdict};

use super::filesystem_kind::Kind;
use super::lvm::{self, Volumes};
use crate::connection::Local;
use crate::guest::{self, run_inside};
use crate::lockstep::LockStep;
use crate::rig::{Rig, known};
use crate::scratch::run;
use crate::uuid;

const KIND: &str = "host_volume";
const POOL: &str = "vg0/thin";

macro_rules! claims {
    ($($claim:ident),* $(,)?) => {
        /// Everything that is claimed of LVM; the test inside fails with the first that does not hold.
        async fn claims() {
            $(
                guest::note(stringify!($claim));
                $claim().await;
            )*
            guest::note("all hold");
        }
    };
}

claims! {
    the_life_of_a_volume_and_its_clone,
    a_clone_of_a_volume_that_is_written_to_is_one_instant,
    volumes_grow_in_place_and_never_shrink,
    whatever_was_half_made_is_removed_or_finished,
    what_is_not_active_or_mounted_is_drift,
    what_somebody_else_has_made_is_imported_and_cloned,
    what_is_in_use_is_neither_unmounted_nor_removed,
    a_pool_that_is_nearly_full_takes_no_clone,
}

#[test]
fn volumes_on_lvm() {
    if std::env::var_os(guest::INSIDE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(claims());
    }
    let script = "mkfs.ext4 -q /dev/vdb && mount /dev/vdb /srv && mkdir /srv/tmp && export TMPDIR=/srv/tmp
        vgcreate --quiet vg0 /dev/vda
        lvcreate --quiet --type thin-pool --size 2g --name thin vg0
        # While it is there the pool stays active, which is not checked each time then.
        lvcreate --quiet --type thin --virtualsize 4m --thinpool vg0/thin --name kept";
    let test = concat!(module_path!(), "::volumes_on_lvm").split_once("::").unwrap().1;
    let said = run_inside(script, test);
    assert!(said.contains("test result: ok. 1 passed; 0 failed"), "{said}");
}

#[test]
fn what_no_thin_volume_can_be_is_refused() {
    let rig = tokio::runtime::Runtime::new().unwrap().block_on(Rig::new());
    for wrong in [
        Object::new().with("path", "v").with("driver", "lvm").with("pool", POOL),
        Object::new().with("path", "v").with("driver", "lvm").with("size", "1G"),
        Object::new().with("path", "v").with("driver", "auto").with("pool", POOL),
        Object::new().with("path", "v").with("driver", "image").with("size", "1G").with("type", "xfs"),
        volume("v").with("pool", "thin"),
        volume("v").with("type", "btrfs"),
        volume("v").with("type", "xfs").with("size", "100M"),
    ] {
        assert!(rig.provider.validate(KIND, &wrong).has_errors(), "{wrong:?}");
    }
    for right in [volume("v"), clone_of("v", "w"), clone_of("v", "w").with("size", "1G")] {
        assert!(!rig.provider.validate(KIND, &right).has_errors(), "{right:?}");
    }
}

fn volume(path: &str) -> Object {
    Object::new().with("path", path).with("driver", "lvm").with("pool", POOL).with("size", "100M")
}

fn xfs(path: &str) -> Object {
    volume(path).with("type", "xfs").with("size", "300M")
}

fn clone_of(path: &str, source: &str) -> Object {
    Object::new().with("path", path).with("driver", "lvm").with("clone_of", source)
}

/// Names of all thin volumes that a claim has made.
fn thin_volumes() -> Vec<String> {
    let command = ["--noheadings", "--options", "lv_name", "--select", "segtype=thin"];
    let output = Command::new("lvs").args(command).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .filter(|name| *name != "kept")
        .map(str::to_owned)
        .collect()
}

fn total(path: &Path) -> u64 {
    let found = rustix::fs::statvfs(path).unwrap();
    found.f_blocks * found.f_frsize
}

fn device(path: &Path) -> u64 {
    fs::metadata(path).unwrap().dev()
}

async fn rig() -> Rig {
    assert_eq!(thin_volumes(), [""; 0], "the claim before has removed everything");
    Rig::new().await
}

async fn the_life_of_a_volume_and_its_clone() {
    let rig = rig().await;
    let (planned, _) = rig.plan(KIND, &volume("data"), None).await.unwrap();
    for (name, value) in
        [("driver_used", "lvm".into()), ("one_instant", true.into()), ("mounted", true.into())]
    {
        assert_eq!(planned.after[name], value, "the plan tells {name}");
    }
    assert!(rig.names().is_empty() && thin_volumes().is_empty());

    let config = volume("data").with("mode", "2770").with("owner", "33");
    let made = rig.create(KIND, &config, "t1").await.unwrap();
    assert!(made.is_wholly_known());
    assert_eq!((&made["pool"], &made["type"], &made["size"]), (&POOL.into(), &"ext4".into(), &"100M".into()));
    assert_eq!(rig.verdict(KIND, &config, &made).await, Verdict::Nothing);
    assert_ne!(device(&rig.path("data")), device(&rig.folder));
    assert_eq!((rig.mode("data"), fs::metadata(rig.path("data")).unwrap().uid()), (0o2770, 33));
    assert_eq!(fs::read_dir(rig.path("data")).unwrap().count(), 0, "a new volume is empty");
    let line = format!(
        "UUID={} {} ext4 defaults,nofail 0 2\n",
        made.str("uuid").unwrap(),
        rig.path("data").display()
    );
    assert!(rig.fstab().contains(&line), "{}", rig.fstab());
    assert_eq!(rig.find(KIND, &config, "t1").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &volume("data"), "other").await.unwrap(), None);
    fs::write(rig.path("data/file"), "one").unwrap();

    // A clone of it is one by itself.
    let config = Object::new().with("path", "sub/g2").with("clone_of", "data");
    let clone = rig.create(KIND, &config, "t2").await.unwrap();
    assert!(clone.is_wholly_known());
    for (name, value) in [("driver_used", "lvm".into()), ("pool", POOL.into()), ("clone_copies", 0.into())] {
        assert_eq!(clone[name], value);
    }
    assert_eq!(rig.text("sub/g2/file"), "one");
    assert_eq!((rig.mode("sub/g2"), fs::metadata(rig.path("sub/g2")).unwrap().uid()), (0o2770, 33));
    assert_eq!(rig.verdict(KIND, &config, &clone).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &config, "t2").await.unwrap(), Some(clone.clone()));
    assert_ne!(made["uuid"], clone["uuid"]);
    fs::write(rig.path("sub/g2/file"), "two").unwrap();
    assert_eq!(rig.text("data/file"), "one");

    // The source goes first, as a generation that is not kept any more does.
    rig.delete(KIND, &made).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert!(!rig.path("data").exists());
    assert_eq!(rig.text("sub/g2/file"), "two");

    // As a boot does.
    run(Command::new("umount").arg(rig.path("sub/g2")));
    let table = rig.path("table");
    fs::write(&table, rig.fstab()).unwrap();
    run(Command::new("mount").args(["--all", "--fstab"]).arg(&table));
    assert_eq!(rig.text("sub/g2/file"), "two");
    fs::remove_file(table).unwrap();

    let usage = rig.resource(KIND).usage(&rig.call(""), &clone).await.unwrap().unwrap();
    assert!((1 << 20..100 << 20).contains(&usage.total) && usage.unique.is_none(), "{usage:?}");
    rig.delete(KIND, &clone).await.unwrap();
    assert!(rig.names().is_empty(), "{:?}", rig.names());
    assert_eq!(rig.fstab(), "");
}

async fn a_clone_of_a_volume_that_is_written_to_is_one_instant() {
    for make in [volume, xfs] {
        let rig = rig().await;
        let made = rig.create(KIND, &make("data"), "t").await.unwrap();
        let writer = LockStep::start(&rig.path("data"));
        let before = writer.wait_for(3);
        let clone = rig.create(KIND, &clone_of("g2", "data"), "t2").await.unwrap();
        let after = writer.wait_for(3);
        writer.assert_one_instant(&rig.path("g2"), before, after);
        assert_eq!(clone["type"], made["type"]);
        assert_ne!(clone["uuid"], made["uuid"]);
        drop(writer);
        // Nothing is left to the journal: it was at rest when the snapshot was made.
        if made["type"] == "ext4".into() {
            let volumes = Volumes::list(&Local).await.unwrap();
            let source = volumes.thin(made.str("logical_volume").unwrap()).unwrap();
            lvm::snapshot(&Local, &rig.call("t3"), source, "probe").await.unwrap();
            let output = Command::new("dumpe2fs").args(["-h", "/dev/vg0/probe"]).output().unwrap();
            let head = String::from_utf8(output.stdout).unwrap();
            assert!(head.contains("has_journal") && !head.contains("needs_recovery"), "{head}");
            lvm::remove(&Local, "vg0/probe").await.unwrap();
        }
        rig.delete(KIND, &made).await.unwrap();
        rig.delete(KIND, &clone).await.unwrap();
    }
}

async fn volumes_grow_in_place_and_never_shrink() {
    for (make, larger, largest) in [(volume as fn(&str) -> Object, "150M", "203M"), (xfs, "400M", "501M")] {
        let rig = rig().await;
        let made = rig.create(KIND, &make("data"), "t").await.unwrap();
        fs::write(rig.path("data/file"), "kept").unwrap();
        let before = total(&rig.path("data"));
        let grown = rig.update(KIND, &make("data").with("size", larger), &made).await.unwrap();
        assert!(total(&rig.path("data")) >= before + (40 << 20), "{} and {before}", total(&rig.path("data")));
        assert_eq!((rig.text("data/file"), &grown["size"]), ("kept".into(), &larger.into()));
        for smaller in [make("data"), clone_of("g2", "data").with("size", "96M")] {
            let fault = rig.plan(KIND, &smaller, None).await.unwrap_err();
            assert!(fault.summary.contains("cannot become smaller"), "{fault}");
        }
        // Of no whole number of extents.
        let config = clone_of("g2", "data").with("size", largest);
        let clone = rig.create(KIND, &config, "t2").await.unwrap();
        assert!(total(&rig.path("g2")) >= before + (90 << 20), "{}", total(&rig.path("g2")));
        assert_eq!(rig.verdict(KIND, &config, &clone).await, Verdict::Nothing);
        rig.delete(KIND, &clone).await.unwrap();
        rig.delete(KIND, &grown).await.unwrap();
    }
}

async fn whatever_was_half_made_is_removed_or_finished() {
    let rig = rig().await;
    let name = |path: &str| lvm::name_for(rig.path(path).to_str().unwrap());
    let device = |path: &str| format!("/dev/mapper/vg0-{}", name(path));
    // A volume with nothing on it, and one with a filesystem that nobody knows to be complete.
    for with_filesystem in [false, true] {
        let call = rig.call("t1");
        lvm::create(&Local, &call, POOL, &name("data"), 100 << 20).await.unwrap();
        if with_filesystem {
            let uuid = uuid::of_step(&call.token);
            Kind::Ext4.format(&Local, &call, &uuid, None, &device("data")).await.unwrap();
        }
        let fault = rig.create(KIND, &volume("data"), "other").await.unwrap_err();
        assert!(fault.summary.contains("is there already"), "{fault}");
        assert_eq!(rig.find(KIND, &volume("data"), "other").await.unwrap(), None);
        assert_eq!(thin_volumes(), [name("data")], "it is another step's");
        assert_eq!(rig.find(KIND, &volume("data"), "t1").await.unwrap(), None);
        assert_eq!(thin_volumes(), [""; 0]);
    }
    let made = rig.create(KIND, &volume("data"), "t1").await.unwrap();
    fs::write(rig.path("data/file"), "kept").unwrap();

    // A snapshot as its source, and one with a UUID of its own that is not complete. The first was
    // killed so early that its source is not let go.
    let config = clone_of("g2", "data");
    for with_uuid in [false, true] {
        let call = rig.call("t2");
        let volumes = Volumes::list(&Local).await.unwrap();
        let source = volumes.thin(made.str("logical_volume").unwrap()).unwrap();
        lvm::snapshot(&Local, &call, source, &name("g2")).await.unwrap();
        if with_uuid {
            Kind::Ext4.set_uuid(&Local, &call, &uuid::of_step(&call.token), &device("g2")).await.unwrap();
        } else {
            run(Command::new("dmsetup").args(["suspend", &device("data")]));
        }
        // A boot does not activate it: there is no second filesystem with the source's UUID.
        let skipped = Command::new("lvs").args(["--noheadings", "-o", "lv_skip_activation", "vg0"]).output();
        assert!(String::from_utf8(skipped.unwrap().stdout).unwrap().contains("skip activation"));
        assert_eq!(rig.find(KIND, &config, "t2").await.unwrap(), None);
        assert_eq!(thin_volumes(), [name("data")]);
        fs::write(rig.path("data/file"), "written").unwrap();
    }
    let clone = rig.create(KIND, &config, "t2").await.unwrap();

    // Complete, and not mounted: not at boot either.
    run(Command::new("umount").arg(rig.path("g2")));
    run(Command::new("chattr").arg("-i").arg(rig.path("g2")));
    fs::remove_dir(rig.path("g2")).unwrap();
    let found = rig.resource(KIND).find(&rig.call("t2"), &known(clone.clone())).await.unwrap();
    assert_eq!(found, Some(clone.clone()));
    assert_eq!((rig.text("g2/file"), thin_volumes().len()), ("written".into(), 2));
    rig.delete(KIND, &clone).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
}

async fn what_is_not_active_or_mounted_is_drift() {
    let rig = rig().await;
    let made = rig.create(KIND, &volume("data"), "t").await.unwrap();
    fs::write(rig.path("data/file"), "kept").unwrap();
    run(Command::new("umount").arg(rig.path("data")));
    run(Command::new("vgchange").args(["--quiet", "--activate", "n", "vg0"]));
    // Nobody fills the mount point, and nobody takes it for the volume.
    assert!(fs::write(rig.path("data/file"), "lost").is_err());
    for config in [Object::new().with("path", "g2").with("clone_of", "data"), clone_of("g2", "data")] {
        let fault = rig.create(KIND, &config, "t2").await.unwrap_err();
        assert!(
            fault.summary.contains("is not mounted") || fault.summary.contains("is not active"),
            "{fault}"
        );
    }
    let mended = rig.update(KIND, &volume("data"), &made).await.unwrap();
    assert_eq!(mended, made);
    assert_eq!(rig.text("data/file"), "kept");
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!(rig.resource(KIND).read(&rig.call(""), &made).await.unwrap(), None);
}

async fn what_somebody_else_has_made_is_imported_and_cloned() {
    let rig = rig().await;
    run(Command::new("lvcreate").args([
        "-q",
        "-y",
        "--type",
        "thin",
        "-V",
        "100m",
        "--thinpool",
        POOL,
        "-n",
        "theirs",
    ]));
    run(Command::new("mkfs.ext4").args(["-q", "-O", "^metadata_csum_seed", "/dev/vg0/theirs"]));
    fs::create_dir(rig.path("data")).unwrap();
    run(Command::new("mount").arg("/dev/vg0/theirs").arg(rig.path("data")));
    rig.write("data/file", "theirs");
    let imported = rig.resource(KIND).import(&rig.call(""), "data").await.unwrap();
    for (name, value) in
        [("logical_volume", "vg0/theirs"), ("pool", POOL), ("type", "ext4"), ("size", "100M")]
    {
        assert_eq!(imported[name], value.into());
    }
    // Only the line in the table is missing.
    let config = volume("data");
    let (planned, _) = rig.plan(KIND, &config, Some(&imported)).await.unwrap();
    assert!(planned.verdict == Verdict::Update && planned.changes.len() == 1, "{:?}", planned.changes);
    let mended = rig.update(KIND, &config, &imported).await.unwrap();

    let clone =
        rig.create(KIND, &Object::new().with("path", "g2").with("clone_of", "data"), "t").await.unwrap();
    assert_eq!((rig.text("g2/file"), &clone["driver_used"]), ("theirs".into(), &"lvm".into()));
    assert_ne!(clone["uuid"], imported["uuid"]);
    rig.delete(KIND, &mended).await.unwrap();
    rig.delete(KIND, &clone).await.unwrap();
    assert_eq!(
        (rig.names(), rig.fstab()),
        (vec!["data".to_owned()], String::new()),
        "a folder of theirs stays"
    );

    fs::write(rig.path("data/file"), "no volume").unwrap();
    let fault = rig.plan(KIND, &clone_of("g2", "data"), None).await.unwrap_err();
    assert!(fault.summary.contains("is no thin volume"), "{fault}");
    let fault = rig.plan(KIND, &volume("g2").with("pool", "vg0/none"), None).await.unwrap_err();
    assert!(fault.summary.contains("there is no thin pool vg0/none"), "{fault}");
}

async fn what_is_in_use_is_neither_unmounted_nor_removed() {
    let rig = rig().await;
    let made = rig.create(KIND, &volume("data"), "t").await.unwrap();
    let open = fs::File::create(rig.path("data/open")).unwrap();
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.summary.contains("in use"), "{fault}");
    drop(open);
    fs::create_dir(rig.path("data/sub")).unwrap();
    run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(rig.path("data/sub")));
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.summary.contains("something is mounted in it"), "{fault}");
    assert!(rig.path("data/open").exists());
    run(Command::new("umount").arg(rig.path("data/sub")));
    rig.delete(KIND, &made).await.unwrap();
}

async fn a_pool_that_is_nearly_full_takes_no_clone() {
    let rig = rig().await;
    run(Command::new("lvcreate").args(["-q", "--type", "thin-pool", "-L", "64m", "-n", "small", "vg0"]));
    let made = rig.create(KIND, &volume("data").with("pool", "vg0/small"), "t").await.unwrap();
    let fault = rig.plan(KIND, &clone_of("g2", "data").with("pool", POOL), None).await.unwrap_err();
    assert!(fault.summary.contains("cannot be cloned into"), "{fault}");
    rig.plan(KIND, &clone_of("g2", "data"), None).await.unwrap();
    // Until 2 MiB are left.
    let pool = async || Volumes::list(&Local).await.unwrap().pool("vg0/small").cloned().unwrap();
    let taken = pool().await.mapped().unwrap();
    let file = fs::File::create(rig.path("data/big")).unwrap();
    let room = (64 << 20) - taken - (2 << 20);
    std::io::copy(&mut std::io::Read::take(std::io::repeat(7), room), &mut &file).unwrap();
    file.sync_all().unwrap();
    drop(file);
    for config in [clone_of("g2", "data"), volume("new").with("pool", "vg0/small")] {
        let fault = rig.plan(KIND, &config, None).await.unwrap_err();
        assert!(fault.summary.contains("free data in the thin pool vg0/small"), "{fault}");
        assert!(fault.summary.contains("are missing"), "{fault}");
    }
    rig.delete(KIND, &made).await.unwrap();
    run(Command::new("lvremove").args(["-q", "-y", "vg0/small"]));
}
