use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mprov_sdk::{Object, Verdict};

use crate::rig::{Rig, must_be_root};
use crate::scratch::run;

const KIND: &str = "host_volume";

/// A pool in a file. Where the kernel has no ZFS, zfs-fuse serves it for as long.
struct Pool {
    folder: tempfile::TempDir,
    name: String,
    daemon: Option<Child>,
}

impl Pool {
    fn new() -> Self {
        must_be_root();
        let folder = tempfile::tempdir().unwrap();
        let daemon = (!answers()).then(|| {
            let mut command = Command::new("zfs-fuse");
            command.args(["--no-daemon", "--no-kstat-mount", "--pidfile"]).arg(folder.path().join("pid"));
            let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            quiet.spawn().expect("this test needs ZFS, or Debian's zfs-fuse")
        });
        let name = format!("mprov-test-{}", std::process::id());
        let pool = Self { folder, name, daemon };
        let begin = Instant::now();
        while !answers() {
            assert!(begin.elapsed() < Duration::from_secs(20), "zfs-fuse does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        let image = pool.folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
        run(Command::new("zpool").args(["create", "-m"]).arg(pool.mount()).arg(&pool.name).arg(&image));
        pool
    }

    fn mount(&self) -> PathBuf {
        self.folder.path().join("pool")
    }

    /// Names of all datasets and snapshots, without the pool's.
    fn names(&self) -> Vec<String> {
        let command = ["list", "-H", "-r", "-t", "all", "-o", "name", &self.name];
        let output = Command::new("zfs").args(command).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|name| name.strip_prefix(&self.name)).map(str::to_owned).collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(Command::new("zpool").args(["destroy", "-f", &self.name]).status());
        if let Some(daemon) = &mut self.daemon {
            drop(daemon.kill());
            drop(daemon.wait());
        }
    }
}

fn answers() -> bool {
    Command::new("zpool").arg("list").output().is_ok_and(|output| output.status.success())
}

fn volume(path: &str) -> Object {
    Object::new().with("path", path)
}

#[tokio::test]
async fn on_zfs_volumes_are_datasets_and_clones_outlive_their_source() {
    let pool = Pool::new();
    let rig = Rig::at(&pool.mount()).await;
    let text = |path: &str| fs::read_to_string(rig.path(path)).unwrap();
    assert_eq!(pool.names(), [""]);

    let (planned, _) = rig.plan(KIND, &volume("site/g1"), None).await.unwrap();
    assert!(planned.after["driver_used"].is_unknown(), "its folder is not there yet");
    fs::create_dir(rig.path("site")).unwrap();
    let (planned, _) = rig.plan(KIND, &volume("site/g1"), None).await.unwrap();
    assert_eq!(planned.after["driver_used"], "zfs".into(), "the plan tells the driver");
    assert_eq!(planned.after["one_instant"], true.into());

    let made = rig.create(KIND, &volume("site/g1"), "t1").await.unwrap();
    assert!(made.is_wholly_known());
    assert_eq!(rig.verdict(KIND, &volume("site/g1"), &made).await, Verdict::Nothing);
    assert_eq!(rig.find(KIND, &volume("site/g1"), "t1").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &volume("site/g1"), "other").await.unwrap(), None);
    fs::write(rig.path("site/g1/file"), "before").unwrap();

    let clone_of = |path: &str| volume(path).with("clone_of", "site/g1");
    let second = rig.create(KIND, &clone_of("site/g2"), "t2").await.unwrap();
    assert_eq!(second["driver_used"], "zfs".into());
    assert_eq!(rig.find(KIND, &clone_of("site/g2"), "t2").await.unwrap(), Some(second.clone()));
    fs::write(rig.path("site/g1/file"), "after").unwrap();
    let third = rig.create(KIND, &clone_of("site/g3").with("mode", "0700"), "t3").await.unwrap();
    fs::write(rig.path("site/g3/file"), "its own").unwrap();
    assert_eq!((text("site/g1/file"), text("site/g2/file")), ("after".into(), "before".into()));

    // Killed after the snapshot and before the clone.
    let source = format!("{}/site:g1", pool.name);
    run(Command::new("zfs").arg("snapshot").arg(format!("{source}@mprov-{}", rig.token("t4"))));
    assert_eq!(rig.find(KIND, &clone_of("site/g4"), "t4").await.unwrap(), None);
    assert!(!pool.names().iter().any(|name| name.contains("t4")), "{:?}", pool.names());

    // The source goes first, as a generation that is not kept any more does.
    rig.delete(KIND, &made).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!((text("site/g2/file"), text("site/g3/file")), ("before".into(), "its own".into()));
    assert!(!Path::new(&rig.path("site/g1")).exists());
    rig.delete(KIND, &third).await.unwrap();
    rig.delete(KIND, &second).await.unwrap();
    assert_eq!(pool.names(), [""], "neither a dataset nor a snapshot is left");
    assert_eq!(fs::read_dir(rig.path("site")).unwrap().count(), 0);

    let foreign = volume("no good name").with("driver", "zfs");
    let fault = rig.create(KIND, &foreign, "t5").await.unwrap_err();
    assert!(fault.to_string().contains("cannot be the path"), "{fault}");
}

#[tokio::test]
async fn elsewhere_zfs_is_refused() {
    let rig = Rig::new().await;
    let fault = rig.create(KIND, &volume("data").with("driver", "zfs"), "t").await.unwrap_err();
    assert!(fault.to_string().contains("does not work"), "{fault}");
}
