//! Filesystems for tests.

use std::fs;
use std::path::PathBuf;
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

    /// Bytes that are taken, once all is on disk.
    pub fn used(&self) -> u64 {
        rustix::fs::syncfs(fs::File::open(self.mount()).unwrap()).unwrap();
        let found = rustix::fs::statvfs(self.mount()).unwrap();
        (found.f_blocks - found.f_bfree) * found.f_frsize
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-R", "-l"]).arg(self.mount()).status());
    }
}

/// Runs a tool to its success.
pub fn run(command: &mut Command) {
    let output = command.output().expect("the tool is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
