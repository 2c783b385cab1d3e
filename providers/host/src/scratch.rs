//! Filesystems for tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rig::must_be_root;

/// A filesystem in a file, mounted.
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub fn new(make: &[&str]) -> Self {
        must_be_root();
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
        fs::create_dir(folder.path().join("mnt")).unwrap();
        let this = Self { folder };
        run(Command::new(make[0]).args(&make[1..]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(this.mount()));
        this
    }

    pub fn btrfs() -> Self {
        Self::new(&["mkfs.btrfs", "-q"])
    }

    pub fn xfs() -> Self {
        Self::new(&["mkfs.xfs", "-q", "-m", "reflink=1"])
    }

    pub fn ext4() -> Self {
        Self::new(&["mkfs.ext4", "-q"])
    }

    /// Without extended attributes.
    pub fn ramfs() -> Self {
        must_be_root();
        let this = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(this.mount()).unwrap();
        run(Command::new("mount").args(["-t", "ramfs", "none"]).arg(this.mount()));
        this
    }

    pub fn mount(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    /// Loop devices that images in it are lent to.
    pub fn loops(&self) -> usize {
        let output =
            Command::new("losetup").args(["--noheadings", "--output", "BACK-FILE"]).output().unwrap();
        let files = String::from_utf8(output.stdout).unwrap();
        files.lines().filter(|file| Path::new(file.trim()).starts_with(self.mount())).count()
    }

    /// Bytes that are taken, once all is on disk.
    pub fn used(&self) -> u64 {
        rustix::fs::syncfs(fs::File::open(self.mount()).unwrap()).unwrap();
        let found = rustix::fs::statvfs(self.mount()).unwrap();
        (found.f_blocks - found.f_bfree) * found.f_frsize
    }
}

/// A block device, on a file in a scratch filesystem.
pub struct Disk {
    pub name: String,
    file: PathBuf,
}

impl Disk {
    pub fn new(scratch: &Scratch, bytes: u64) -> Self {
        let file = scratch.mount().join(".disk");
        fs::File::create(&file).unwrap().set_len(bytes).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Self { name: String::from_utf8(output.stdout).unwrap().trim().to_owned(), file }
    }

    pub fn grow(&self, bytes: u64) {
        fs::OpenOptions::new().write(true).open(&self.file).unwrap().set_len(bytes).unwrap();
        run(Command::new("losetup").args(["--set-capacity", &self.name]));
    }

    /// What is on it.
    pub fn content(&self) -> Vec<u8> {
        fs::read(&self.name).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Where it is mounted still, it is given back with the mount.
        drop(Command::new("losetup").args(["--detach", &self.name]).status());
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mount = self.mount();
        let points = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let inside = points.lines().filter_map(|line| line.split(' ').nth(1));
        for point in inside.filter(|point| Path::new(point) != mount && Path::new(point).starts_with(&mount))
        {
            // A test that failed may have left it frozen, which would keep it for ever.
            drop(Command::new("fsfreeze").arg("--unfreeze").arg(point).output());
        }
        drop(Command::new("umount").args(["-R", "-l"]).arg(self.mount()).status());
    }
}

/// Runs a tool to its success.
pub fn run(command: &mut Command) {
    let output = command.output().expect("the tool is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
