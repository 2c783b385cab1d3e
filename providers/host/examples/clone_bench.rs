//! How long clones of volumes take, by driver and size, while somebody writes to the source. Makes
//! file systems in sparse files and removes them; needs root.
//!
//! `clone_bench FOLDER [FILES:MEGABYTES[:ROUNDS]]… [--driver NAME] [--table FILE]`: files and their
//! sum, three clones each. A size of 5,000 MB or more has a file of 1 GB besides. The table is in
//! Markdown and goes to /dev/stdout.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mprov_sdk::{Call, CancellationToken, Object, Resource, Services, Silent};

/// Driver, file system and how that is made.
const BACK_ENDS: [(&str, &str, &[&str]); 4] = [
    ("btrfs", "btrfs", &["mkfs.btrfs", "-q"]),
    ("image", "XFS", &["mkfs.xfs", "-q", "-m", "reflink=1"]),
    ("reflink", "XFS", &["mkfs.xfs", "-q", "-m", "reflink=1"]),
    ("copy", "ext4", &["mkfs.ext4", "-q", "-m", "0"]),
];
const LARGE: usize = 5000;

#[derive(Clone, Copy)]
struct Size {
    files: usize,
    megabytes: usize,
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut folder = None;
    let mut sizes = Vec::new();
    let mut table = "/dev/stdout".to_owned();
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--driver" => only = arguments.next(),
            "--table" => table = arguments.next().expect("--table FILE"),
            text if folder.is_none() => folder = Some(PathBuf::from(text)),
            text => {
                let numbers: Vec<usize> = text.split(':').filter_map(|n| n.parse().ok()).collect();
                let [files, megabytes] = numbers[..2] else { panic!("FILES:MEGABYTES[:ROUNDS]") };
                sizes.push(Size { files, megabytes, rounds: numbers.get(2).copied().unwrap_or(3) });
            }
        }
    }
    let folder = folder.expect("clone_bench FOLDER [FILES:MEGABYTES]…");
    if sizes.is_empty() {
        let size = |files, megabytes| Size { files, megabytes, rounds: 3 };
        sizes = vec![size(10_000, 1000), size(50_000, 5000)];
    }
    let mut table = fs::OpenOptions::new().create(true).append(true).open(table).expect("the table opens");
    let mut say = |line: String| writeln!(table, "{line}").expect("the table can be written");
    say("| driver | on | files | MB | clone, s (least to most) | longest write meanwhile, s | MB taken | delete, s |".into());
    say("| --- | --- | --- | --- | --- | --- | --- | --- |".into());
    for size in sizes {
        for (driver, kind, make) in BACK_ENDS {
            if only.as_deref().is_some_and(|only| only != driver) {
                continue;
            }
            let disk = Disk::new(&folder, size, make);
            say(bench(&disk, driver, kind, size).await);
        }
    }
}

async fn bench(disk: &Disk, driver: &str, kind: &str, size: Size) -> String {
    let provider = mprov_provider_host::provider();
    let session =
        provider.configure(&Object::new(), Services::default()).await.expect("nothing to configure");
    let volumes = session.resource("host_volume").expect("it has volumes");
    let mut volume = Object::new().with("driver", driver).with("persist", false);
    if driver == "image" {
        volume.set("size", format!("{}M", size.megabytes * 2 + 2000));
    }
    make(volumes.as_ref(), disk, &volume.clone().with("path", "data")).await;
    fill(&disk.mount().join("data"), size);
    let megabytes = size.megabytes + if size.megabytes >= LARGE { 1000 } else { 0 };

    let (mut clones, mut deletes, mut taken, mut stall) = (Vec::new(), Vec::new(), 0, Duration::ZERO);
    for round in 0..size.rounds {
        let before = disk.used();
        let config = volume.clone().with("path", format!("g{round}")).with("clone_of", "data");
        // The others refuse to copy what is being written to.
        let one_instant = !["reflink", "copy"].contains(&driver);
        let writer = one_instant.then(|| Writer::start(&disk.mount().join("data/written")));
        let begin = Instant::now();
        let made = make(volumes.as_ref(), disk, &config).await;
        clones.push(begin.elapsed());
        stall = stall.max(writer.map(Writer::stop).unwrap_or_default());
        taken = taken.max(disk.used().saturating_sub(before));
        let begin = Instant::now();
        volumes.delete(&disk.call("delete"), &made).await.expect("the clone goes");
        deletes.push(begin.elapsed());
        // What btrfs does in the background is not the next clone's.
        disk.used();
    }
    clones.sort();
    deletes.sort();
    let mut row = String::new();
    let seconds = |times: &[Duration], at: usize| times[at].as_secs_f64();
    let (last, middle) = (clones.len() - 1, clones.len() / 2);
    write!(
        row,
        "| {driver} | {kind} | {} | {megabytes} | {:.2} ({:.2} to {:.2}) | {:.2} | {:.1} | {:.2} |",
        size.files,
        seconds(&clones, middle),
        seconds(&clones, 0),
        seconds(&clones, last),
        stall.as_secs_f64(),
        taken as f64 / 1e6,
        seconds(&deletes, middle),
    )
    .expect("a string takes all");
    row
}

async fn make(volumes: &dyn Resource, disk: &Disk, planned: &Object) -> Object {
    let token = planned.str("path").expect("it has a path");
    volumes.create(&disk.call(token), planned).await.expect("the volume is made")
}

/// Files in folders as Moodle has them. Their content is no zeros; that it is the same in all is
/// nothing that these file systems look for.
fn fill(volume: &Path, size: Size) {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let content: Vec<u8> = (0..10_000_000).map(|_| noise.next() as u8 | 1).collect();
    let bytes = (size.megabytes * 1_000_000 / size.files).min(content.len());
    for _ in 0..size.files {
        let name = noise.next();
        let folder = volume.join(format!("{:02x}/{:02x}", name >> 8 & 0xff, name & 0xff));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{name:016x}")), &content[..bytes]).expect("a file");
    }
    if size.megabytes >= LARGE {
        let mut large = fs::File::create(volume.join("large")).expect("a file");
        for _ in 0..100 {
            large.write_all(&content).expect("the large file");
        }
    }
}

/// Xorshift.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Writes to disk again and again, and knows how long that took at most.
struct Writer {
    stop: Arc<AtomicBool>,
    longest: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Writer {
    fn start(file: &Path) -> Self {
        let (stop, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut file = fs::File::create(file).expect("a file");
        let thread = std::thread::spawn({
            let (stop, longest) = (stop.clone(), longest.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("a write");
                    let micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
                    longest.fetch_max(micros, Ordering::Relaxed);
                }
            }
        });
        Self { stop, longest, thread }
    }

    fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer ends");
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }
}

/// A file system in a sparse file, mounted.
struct Disk {
    file: PathBuf,
    folder: PathBuf,
}

impl Disk {
    fn new(folder: &Path, size: Size, make: &[&str]) -> Self {
        let folder = folder.join(format!("clone_bench.{}", std::process::id()));
        let this = Self { file: folder.join("disk"), folder };
        fs::create_dir_all(this.mount()).expect("a mount point");
        // A copy, a reserve, and what ext4 takes for itself.
        let bytes = (size.megabytes as u64 * 2 + 8000) * 1_200_000;
        fs::File::create(&this.file).and_then(|file| file.set_len(bytes)).expect("a sparse file");
        run(Command::new(make[0]).args(&make[1..]).arg(&this.file));
        run(Command::new("mount").args(["-o", "loop"]).arg(&this.file).arg(this.mount()));
        this
    }

    fn mount(&self) -> PathBuf {
        self.folder.join("mnt")
    }

    fn call(&self, token: &str) -> Call {
        Call {
            address: "host_volume.bench".into(),
            token: format!("bench-{}-{token}", std::process::id()).into(),
            base_dir: self.mount(),
            events: Silent::shared(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    /// Bytes that are taken, once all is on disk.
    fn used(&self) -> u64 {
        for inner in [self.mount().join("data"), self.mount()] {
            rustix::fs::syncfs(fs::File::open(inner).expect("it is there")).expect("it is written");
        }
        let found = rustix::fs::statvfs(self.mount()).expect("it is mounted");
        (found.f_blocks - found.f_bfree) * found.f_frsize
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The loop device of an image inside is given back a moment after its mount.
        for _ in 0..100 {
            drop(Command::new("umount").args(["-R", "-q"]).arg(self.mount()).stderr(Stdio::null()).status());
            if fs::remove_dir(self.mount()).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(fs::remove_dir(self.mount()));
        if !self.mount().exists() {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().expect("the tool is installed");
    assert!(status.success(), "{command:?}");
}
