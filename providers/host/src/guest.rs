//! A virtual machine with Debian's stock kernel, for what the kernel of this machine may lack.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::rig::must_be_root;
use crate::scratch::run;

/// Set for the tests that run inside.
pub const INSIDE: &str = "MPROV_TEST_GUEST";
const MAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lvm/make-guest");
/// Without an accelerator, on a busy machine. The guest ends by itself somewhat later.
const LIMIT: Duration = Duration::from_secs(20 * 60);
const DISK: u64 = 4 << 30;

/// Runs one test of this very program in a guest with two empty disks, `/dev/vda` and `/dev/vdb`,
/// after the script. Returns what it printed.
///
/// Root file system and program are in memory, and nothing of the guest is on a network. `-accel
/// tcg` because nested virtualization may be there and not work.
pub fn run_inside(script: &str, test: &str) -> String {
    must_be_root();
    let image = image();
    let folder = tempfile::tempdir().unwrap();
    let initrd = folder.path().join("initrd");
    let mut out = fs::File::create(&initrd).unwrap();
    for archive in [image.join("root.cpio"), archive(folder.path(), script, test)] {
        io::copy(&mut fs::File::open(archive).unwrap(), &mut out).unwrap();
    }
    let (console, result) = (folder.path().join("console"), folder.path().join("result"));
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg", "-machine", "q35", "-cpu", "qemu64", "-smp", "2", "-m", "2048"]);
    command.args([
        "-nodefaults",
        "-nographic",
        "-no-reboot",
        "-append",
        "console=ttyS0 panic=-1 quiet mitigations=off",
    ]);
    command.arg("-kernel").arg(image.join("vmlinuz")).arg("-initrd").arg(&initrd);
    for output in [&console, &result] {
        command.arg("-serial").arg(format!("file:{}", output.display()));
    }
    for name in ["vda", "vdb"] {
        let disk = folder.path().join(name);
        fs::File::create(&disk).unwrap().set_len(DISK).unwrap();
        command.arg("-drive").arg(format!("file={},format=raw,if=virtio,cache=unsafe", disk.display()));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut machine = Machine(command.spawn().expect("this test needs Debian's qemu-system-x86"));
    let begin = Instant::now();
    let ended = loop {
        match machine.0.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if begin.elapsed() > LIMIT => break None,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\r', "");
    let (said, console) = (text(&result), text(&console));
    assert!(ended.is_some_and(|status| status.success()), "the guest did not end: {console}\n{said}");
    assert!(said.ends_with("status 0\n"), "{console}\n{said}");
    said
}

/// Inside: what the console shows, with the time, should the test fail.
pub fn note(text: &str) {
    fs::write("/dev/kmsg", format!("<1>{text}")).unwrap();
}

/// The guest's kernel and root file system, made once for each version of what makes them.
fn image() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("mprov");
    let version = hex::encode(Sha256::digest(fs::read(MAKE).unwrap()));
    let image = cache.join(format!("test-guest-{}", &version[..16]));
    if !image.exists() {
        run(Command::new(MAKE).arg(&image));
    }
    image
}

/// An archive with this program and what runs it, to be unpacked over the root file system.
fn archive(folder: &Path, script: &str, test: &str) -> PathBuf {
    let (tree, archive) = (folder.join("tree"), folder.join("test.cpio"));
    fs::create_dir_all(tree.join("test")).unwrap();
    run(Command::new("strip").arg("-o").arg(tree.join("test/program")).arg(std::env::current_exe().unwrap()));
    let call = format!("{INSIDE}=1 RUST_BACKTRACE=1 /test/program --exact {test} --nocapture");
    fs::write(tree.join("test/run"), format!("set -e\n{script}\n{call}\n")).unwrap();
    let pack = "cd \"$1\" && find . | cpio --quiet --create --format=newc > \"$2\"";
    run(Command::new("sh").args(["-c", pack, "pack"]).arg(&tree).arg(&archive));
    archive
}

/// A process that does not outlive the test.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
