use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mprov_sdk::Fault;

/// Trees by what they are made of: `<folder>/<sha256 or commit>`. A tree that is there is whole.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn tree(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    pub fn holds(&self, key: &str) -> bool {
        self.tree(key).is_dir()
    }

    /// Alone in the cache, until the result is dropped. Blocks while another process is in it.
    pub fn enter(&self) -> Result<Entered, Fault> {
        let lock = self.lock().map_err(|e| fault(&self.folder, &e))?;
        let entered = Entered { cache: self.clone(), _lock: lock };
        // Whoever began it is dead: it would hold the lock.
        remove(&entered.workshop()).map_err(|e| fault(&self.folder, &e))?;
        fs::create_dir(entered.workshop()).map_err(|e| fault(&self.folder, &e))?;
        Ok(entered)
    }

    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join(".lock");
        loop {
            fs::create_dir_all(&self.folder)?;
            let opened = File::options().create(true).truncate(false).write(true).open(&path);
            let lock = match opened {
                Ok(lock) => lock,
                // Somebody has just left, and taken the empty cache along.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            lock.lock()?;
            let current =
                fs::metadata(&path).is_ok_and(|m| m.ino() == lock.metadata().map_or(0, |l| l.ino()));
            if current {
                return Ok(lock);
            }
        }
    }
}

/// The right to change the cache.
pub struct Entered {
    cache: Cache,
    _lock: File,
}

impl Entered {
    /// Where a tree is made before it is complete; empty at first.
    pub fn workshop(&self) -> PathBuf {
        self.cache.folder.join(".partial")
    }

    /// Makes a complete folder of the workshop the tree of that key.
    pub fn keep(&self, made: &Path, key: &str) -> Result<(), Fault> {
        let keep = || -> io::Result<()> {
            // One call for 29,000 files: the whole file system is written down.
            rustix::fs::syncfs(File::open(made)?)?;
            fs::rename(made, self.cache.tree(key))?;
            File::open(&self.cache.folder)?.sync_all()
        };
        keep().map_err(|e| fault(&self.cache.folder, &e))
    }

    /// That it is gone already is success. It goes as a whole: what is left after an interruption
    /// is in the workshop.
    pub fn forget(&self, key: &str) -> Result<(), Fault> {
        let going = self.workshop().join("going");
        let forget = || match fs::rename(self.cache.tree(key), &going) {
            Ok(()) => fs::remove_dir_all(&going),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        forget().map_err(|e| fault(&self.cache.folder, &e))
    }
}

impl Drop for Entered {
    /// Leaves nothing behind in a cache that is empty. What cannot be removed is removed by the
    /// next one who enters.
    fn drop(&mut self) {
        let _ = remove(&self.workshop());
        let only_lock = fs::read_dir(&self.cache.folder).is_ok_and(|entries| entries.count() == 1);
        if only_lock {
            let _ = fs::remove_file(self.cache.folder.join(".lock"));
            let _ = fs::remove_dir(&self.cache.folder);
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn fault(folder: &Path, error: &io::Error) -> Fault {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull => "Free space there, or give another cache_dir.",
        _ => "See whether it can be written, or give another cache_dir.",
    };
    Fault::new(format!("the cache of sources in {} cannot be used", folder.display()))
        .detail(format!("{error}. {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(dir.path().join("sources"));
        (dir, cache)
    }

    #[test]
    fn a_tree_is_kept_and_forgotten_and_an_empty_cache_leaves_nothing() {
        let (_dir, cache) = cache();
        {
            let entered = cache.enter().expect("entered");
            let made = entered.workshop().join("tree");
            fs::create_dir(&made).expect("mkdir");
            fs::write(made.join("version.php"), "x").expect("write");
            entered.keep(&made, "abc").expect("kept");
        }
        assert!(cache.holds("abc") && cache.tree("abc").join("version.php").is_file());
        cache.enter().expect("entered").forget("abc").expect("forgotten");
        assert!(!cache.tree("abc").exists() && !cache.folder.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_cleared_away() {
        let (_dir, cache) = cache();
        fs::create_dir_all(cache.folder.join(".partial/half")).expect("mkdir");
        let entered = cache.enter().expect("entered");
        assert_eq!(fs::read_dir(entered.workshop()).expect("there").count(), 0);
    }

    #[test]
    fn only_one_is_in_it() {
        let (_dir, cache) = cache();
        let entered = cache.enter().expect("entered");
        let second = {
            let cache = cache.clone();
            std::thread::spawn(move || cache.enter().map(drop))
        };
        let lock = File::open(cache.folder.join(".lock")).expect("the lock");
        assert!(matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop((entered, lock));
        second.join().expect("joins").expect("entered after the first had left");
    }
}
