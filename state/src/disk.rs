use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::StateError;

type Result<T> = std::result::Result<T, StateError>;

/// Every change this crate makes in the file system goes through here, one system call a method,
/// so that tests can stop between any two of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub fuse: fuse::Fuse,
}

impl Disk {
    /// Makes the folder with its parents.
    pub fn create_dir(&self, path: &Path) -> Result<()> {
        self.step("create", path)?;
        fs::create_dir_all(path).map_err(|e| StateError::io("create", path, &e))
    }

    /// Writes a new file, durable when this returns. What was there before is overwritten, so
    /// the name must be one that nobody reads: a temporary one.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        let mut file = self.open_fresh(path, mode)?;
        self.write_all(&mut file, path, bytes)?;
        self.sync(&file, path)
    }

    /// A new file for appending; that it exists already is an error.
    pub fn create_new(&self, path: &Path) -> Result<File> {
        self.step("create", path)?;
        OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(|e| StateError::io("create", path, &e))
    }

    /// An existing file for appending, shortened to `len` bytes.
    pub fn open_append(&self, path: &Path, len: u64) -> Result<File> {
        let open = || OpenOptions::new().append(true).open(path);
        let file = open().map_err(|e| StateError::io("open", path, &e))?;
        self.step("shorten", path)?;
        file.set_len(len).map_err(|e| StateError::io("shorten", path, &e))?;
        self.sync(&file, path)?;
        Ok(file)
    }

    pub fn write_all(&self, file: &mut File, path: &Path, bytes: &[u8]) -> Result<()> {
        #[cfg(test)]
        if self.fuse.blows("write", path) {
            // A crash may leave any part of what was being written.
            file.write_all(&bytes[..bytes.len() / 2]).expect("the test's folder is writable");
            return Err(fuse::blown(path));
        }
        file.write_all(bytes).map_err(|e| StateError::io("write", path, &e))
    }

    /// Content and length of the file are durable.
    pub fn sync(&self, file: &File, path: &Path) -> Result<()> {
        self.step("sync", path)?;
        file.sync_data().map_err(|e| StateError::io("sync", path, &e))
    }

    /// Names in the folder are durable.
    pub fn sync_dir(&self, path: &Path) -> Result<()> {
        self.step("sync folder", path)?;
        let sync = || File::open(path)?.sync_all();
        sync().map_err(|e| StateError::io("sync", path, &e))
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.step("rename", to)?;
        fs::rename(from, to).map_err(|e| StateError::io("replace", to, &e))
    }

    /// A second name for the file; false where the file system has no such thing.
    pub fn link(&self, from: &Path, to: &Path) -> Result<bool> {
        self.step("link", to)?;
        match fs::hard_link(from, to) {
            Ok(()) => Ok(true),
            Err(e) if NO_LINKS.contains(&e.kind()) => Ok(false),
            Err(e) => Err(StateError::io("create", to, &e)),
        }
    }

    /// Gives a complete file its name unless that name is taken; its own name goes away. Returns
    /// whether it got the name.
    pub fn place(&self, fresh: &Path, name: &Path) -> Result<bool> {
        self.step("place", name)?;
        let placed = match fs::hard_link(fresh, name) {
            Ok(()) => true,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
            Err(e) if NO_LINKS.contains(&e.kind()) && !name.exists() => {
                self.rename(fresh, name)?;
                return Ok(true);
            }
            Err(e) => return Err(StateError::io("create", name, &e)),
        };
        self.remove(fresh)?;
        Ok(placed)
    }

    /// That it is gone already is success.
    pub fn remove(&self, path: &Path) -> Result<()> {
        self.step("remove", path)?;
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StateError::io("remove", path, &e)),
            _ => Ok(()),
        }
    }

    fn open_fresh(&self, path: &Path, mode: u32) -> Result<File> {
        self.step("create", path)?;
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)
            .map_err(|e| StateError::io("create", path, &e))
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::unnecessary_wraps, unused_variables))]
    fn step(&self, what: &'static str, path: &Path) -> Result<()> {
        #[cfg(test)]
        if self.fuse.blows(what, path) {
            return Err(fuse::blown(path));
        }
        Ok(())
    }
}

/// What file systems without hard links (FAT, some network and FUSE ones) say.
const NO_LINKS: [io::ErrorKind; 4] = [
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::CrossesDevices,
    io::ErrorKind::TooManyLinks,
    io::ErrorKind::Unsupported,
];

/// The content, or none where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StateError::io("read", path, &e)),
    }
}

/// `path` with something appended to its last part.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
pub(crate) mod fuse {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use crate::StateError;

    /// Lets a number of file operations through and none after them, as a crash does.
    #[derive(Clone, Debug, Default)]
    pub struct Fuse(Arc<Mutex<Inner>>);

    #[derive(Debug, Default)]
    struct Inner {
        left: Option<usize>,
        trace: Vec<String>,
    }

    impl Fuse {
        pub fn after(operations: usize) -> Self {
            Self(Arc::new(Mutex::new(Inner { left: Some(operations), trace: Vec::new() })))
        }

        /// The operations that went through, "what file".
        pub fn trace(&self) -> Vec<String> {
            self.0.lock().expect("no test panics inside").trace.clone()
        }

        pub fn blows(&self, what: &str, path: &Path) -> bool {
            let mut inner = self.0.lock().expect("no test panics inside");
            match &mut inner.left {
                Some(0) => return true,
                Some(left) => *left -= 1,
                None => {}
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            inner.trace.push(format!("{what} {name}"));
            false
        }
    }

    pub fn blown(path: &Path) -> StateError {
        StateError::io("reach", path, &std::io::Error::other("the test's fuse has blown"))
    }
}
