use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mprov_sdk::Fault;

use super::dockerignore::{DockerIgnore, Inherited};

const IGNORE_FILE: &str = ".dockerignore";
/// Where a Dockerfile lies in the archive whose text is in the configuration.
pub const INLINE_DOCKERFILE: &str = ".mprov.Dockerfile";
/// More do not help: the disk is the limit.
const HASH_THREADS: usize = 8;
const READ_BYTES: usize = 256 * 1024;

/// The files that a build may use, as they are on disk. Its entries are in a fixed order.
#[derive(Debug)]
pub struct Context {
    root: PathBuf,
    entries: Vec<Entry>,
    /// The Dockerfile's path in the archive.
    pub dockerfile: String,
    /// Files of the archive that are not on disk: path and text.
    generated: Vec<(String, String)>,
}

/// Where the Dockerfile is.
#[derive(Clone, Copy, Debug)]
pub enum Dockerfile<'a> {
    /// A path in the context.
    File(&'a str),
    /// Its text.
    Inline(&'a str),
}

#[derive(Debug)]
struct Entry {
    /// Relative to the root.
    path: PathBuf,
    kind: Kind,
    /// Permission bits.
    mode: u32,
    /// Seconds since 1970.
    modified: u64,
}

#[derive(Debug)]
enum Kind {
    Folder,
    File,
    Link(PathBuf),
}

impl Context {
    /// Lists the context. Reads no file but `.dockerignore`.
    /// `ignore` has more lines for it.
    pub fn scan(root: Option<&Path>, dockerfile: Dockerfile<'_>, ignore: &[String]) -> Result<Self, Fault> {
        let path = match dockerfile {
            Dockerfile::Inline(_) => INLINE_DOCKERFILE,
            Dockerfile::File(path) => path.trim_start_matches("./"),
        };
        let mut context = Self {
            root: PathBuf::new(),
            entries: Vec::new(),
            dockerfile: path.to_owned(),
            generated: Vec::new(),
        };
        let rules = match root {
            Some(root) => context.list(root, ignore)?,
            None => String::new(),
        };
        match dockerfile {
            Dockerfile::Inline(text) => context.add_inline(text, rules),
            Dockerfile::File(_) => context.require_dockerfile()?,
        }
        Ok(context)
    }

    fn list(&mut self, root: &Path, more: &[String]) -> Result<String, Fault> {
        let is_folder = fs::metadata(root).map_err(|e| unreadable(root, &e))?.is_dir();
        if !is_folder {
            return Err(Fault::new(format!("build context {} is no folder", root.display()))
                .detail("\"context\" names the folder with the files that the Dockerfile copies."));
        }
        self.root = root.to_owned();
        let ignore_path = root.join(IGNORE_FILE);
        let mut rules = match fs::read_to_string(&ignore_path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(&ignore_path, &error)),
        };
        for line in more {
            rules.push_str(&format!("\n{line}"));
        }
        let ignore = DockerIgnore::parse(&rules).map_err(|line| {
            Fault::new(format!(
                "{} or \"ignore\" has a pattern that cannot be understood",
                ignore_path.display()
            ))
            .detail(format!("It is the line: {line}"))
        })?;
        self.walk(Path::new(""), &ignore, &Inherited::default(), false)?;
        Ok(rules)
    }

    fn walk(
        &mut self,
        folder: &Path,
        ignore: &DockerIgnore,
        above: &Inherited,
        is_left_out: bool,
    ) -> Result<(), Fault> {
        let full = self.root.join(folder);
        let listing = fs::read_dir(&full).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut listing = listing.map_err(|e| unreadable(&full, &e))?;
        listing.sort_by_key(fs::DirEntry::file_name);
        for item in listing {
            let path = folder.join(item.file_name());
            let (ignored, inherited) = ignore.judge(&path.to_string_lossy(), above);
            let is_needed = path == Path::new(&self.dockerfile);
            let metadata = item.metadata().map_err(|e| unreadable(&item.path(), &e))?;
            let is_folder = metadata.is_dir();
            if ignored && !is_needed && !(is_folder && self.may_hold_kept(&path, ignore)) {
                continue;
            }
            if let Some(entry) = entry(&item.path(), path.clone(), &metadata)?
                && (!ignored || is_needed)
            {
                self.require_folders_above(&path, is_left_out)?;
                self.entries.push(entry);
            }
            if is_folder {
                self.walk(&path, ignore, &inherited, ignored)?;
            }
        }
        Ok(())
    }

    fn may_hold_kept(&self, folder: &Path, ignore: &DockerIgnore) -> bool {
        ignore.has_exceptions() || Path::new(&self.dockerfile).starts_with(folder)
    }

    /// A file that is kept in a folder that is not needs that folder in the archive, with its mode.
    fn require_folders_above(&mut self, path: &Path, is_left_out: bool) -> Result<(), Fault> {
        if !is_left_out {
            return Ok(());
        }
        let mut missing: Vec<&Path> =
            path.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).collect();
        missing.retain(|folder| !self.entries.iter().rev().any(|e| e.path == **folder));
        for folder in missing.into_iter().rev() {
            let full = self.root.join(folder);
            let metadata = fs::symlink_metadata(&full).map_err(|e| unreadable(&full, &e))?;
            self.entries.extend(entry(&full, folder.to_owned(), &metadata)?);
        }
        Ok(())
    }

    /// Docker takes the two files out of the context again where `.dockerignore` names them.
    fn add_inline(&mut self, dockerfile: &str, rules: String) {
        let had_rules = self.entries.iter().any(|e| e.path == Path::new(IGNORE_FILE));
        self.entries.retain(|e| e.path != Path::new(IGNORE_FILE));
        let mut rules = rules;
        if !rules.is_empty() && !rules.ends_with('\n') {
            rules.push('\n');
        }
        rules.push_str(INLINE_DOCKERFILE);
        rules.push('\n');
        if !had_rules {
            rules.push_str(IGNORE_FILE);
            rules.push('\n');
        }
        self.generated.push((IGNORE_FILE.into(), rules));
        self.generated.push((INLINE_DOCKERFILE.into(), dockerfile.to_owned()));
    }

    fn require_dockerfile(&self) -> Result<(), Fault> {
        let path = Path::new(&self.dockerfile);
        match self.entries.iter().any(|e| e.path == path) {
            true => Ok(()),
            false => Err(Fault::new(format!("there is no {} in {}", self.dockerfile, self.root.display()))
                .detail(
                    "The Dockerfile lies inside the context: set \"dockerfile\" to its path there, or give its \
                     text as \"dockerfile_content\" (for example with the function file).",
                )),
        }
    }

    /// A hash over every path, type, permission bit, link target and byte; not over times and
    /// owners, which differ between check-outs of the same files.
    pub fn hash(&self) -> Result<blake3::Hash, Fault> {
        let contents = self.file_hashes()?;
        let mut hasher = blake3::Hasher::new();
        for (entry, content) in self.entries.iter().zip(&contents) {
            let path = entry.path.as_os_str().as_bytes();
            match &entry.kind {
                Kind::Folder => record(&mut hasher, b'd', path, &entry.mode.to_le_bytes()),
                Kind::Link(target) => record(&mut hasher, b'l', path, target.as_os_str().as_bytes()),
                Kind::File => {
                    record(&mut hasher, b'f', path, &entry.mode.to_le_bytes());
                    hasher.update(content.expect("every file was hashed").as_bytes());
                }
            }
        }
        for (path, text) in &self.generated {
            record(&mut hasher, b'g', path.as_bytes(), text.as_bytes());
        }
        Ok(hasher.finalize())
    }

    /// The content hashes of the files, by the entries' indices. Each file is read once, by as
    /// many threads as there are cores.
    fn file_hashes(&self) -> Result<Vec<Option<blake3::Hash>>, Fault> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, blake3::Hash)>, Fault> {
            let mut buffer = vec![0; READ_BYTES];
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(entry) = self.entries.get(index) else { return Ok(done) };
                if matches!(entry.kind, Kind::File) {
                    let path = self.root.join(&entry.path);
                    done.push((index, hash_file(&path, &mut buffer).map_err(|e| unreadable(&path, &e))?));
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(HASH_THREADS);
        let results: Vec<Result<Vec<(usize, blake3::Hash)>, Fault>> = thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            handles.into_iter().map(|h| h.join().expect("hashing does not panic")).collect()
        });
        let mut hashes = vec![None; self.entries.len()];
        for result in results {
            for (index, hash) in result? {
                hashes[index] = Some(hash);
            }
        }
        Ok(hashes)
    }

    /// Writes the context as the archive that the engine builds from. Owners are root, as Docker's
    /// own client makes them.
    pub fn write_archive<W: Write>(&self, writer: W) -> io::Result<W> {
        let mut builder = tar::Builder::new(writer);
        for entry in &self.entries {
            self.append(&mut builder, entry).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", self.root.join(&entry.path).display()))
            })?;
        }
        for (path, text) in &self.generated {
            let mut header = header(tar::EntryType::Regular, 0o644, 0);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes())?;
        }
        builder.into_inner()
    }

    fn append<W: Write>(&self, builder: &mut tar::Builder<W>, entry: &Entry) -> io::Result<()> {
        match &entry.kind {
            Kind::Folder => {
                let mut header = header(tar::EntryType::Directory, entry.mode, entry.modified);
                builder.append_data(&mut header, entry.path.join(""), io::empty())
            }
            Kind::Link(target) => {
                let mut header = header(tar::EntryType::Symlink, 0o777, entry.modified);
                builder.append_link(&mut header, &entry.path, target)
            }
            Kind::File => {
                let file = File::open(self.root.join(&entry.path))?;
                let size = file.metadata()?.len();
                let mut header = header(tar::EntryType::Regular, entry.mode, entry.modified);
                header.set_size(size);
                builder.append_data(&mut header, &entry.path, Exactly { file, left: size })
            }
        }
    }
}

/// A file that must still have the length that the header tells: a shorter one would shift
/// everything behind it in the archive.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Hashes a file without loading it.
pub fn hash_file(path: &Path, buffer: &mut [u8]) -> io::Result<blake3::Hash> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        match file.read(buffer)? {
            0 => return Ok(hasher.finalize()),
            read => hasher.update(&buffer[..read]),
        };
    }
}

/// Adds a record in which no part can be mistaken for another's end.
pub fn record(hasher: &mut blake3::Hasher, kind: u8, name: &[u8], content: &[u8]) {
    hasher.update(&[kind]);
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name);
    hasher.update(&(content.len() as u64).to_le_bytes());
    hasher.update(content);
}

/// None for a socket, which no image can hold.
fn entry(full: &Path, path: PathBuf, metadata: &Metadata) -> Result<Option<Entry>, Fault> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_file() {
        Kind::File
    } else if file_type.is_symlink() {
        Kind::Link(fs::read_link(full).map_err(|e| unreadable(full, &e))?)
    } else if file_type.is_socket() {
        return Ok(None);
    } else {
        return Err(Fault::new(format!("{} cannot be part of a build context", full.display()))
            .detail("It is a pipe or a device. Remove it, or name it in .dockerignore."));
    };
    let modified = u64::try_from(metadata.mtime()).unwrap_or(0);
    Ok(Some(Entry { path, kind, mode: metadata.mode() & 0o7777, modified }))
}

fn header(kind: tar::EntryType, mode: u32, modified: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header.set_size(0);
    header
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(format!("{} cannot be read", path.display())).detail(format!("{error}."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("folders");
            fs::write(path, content).expect("file");
        }
        folder
    }

    fn hash(folder: &tempfile::TempDir) -> blake3::Hash {
        Context::scan(Some(folder.path()), Dockerfile::File("Dockerfile"), &[])
            .expect("scan")
            .hash()
            .expect("hash")
    }

    fn archived(context: &Context) -> BTreeMap<String, String> {
        let bytes = context.write_archive(Vec::new()).expect("archive");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().expect("entries").map(|entry| {
            let mut entry = entry.expect("entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("content");
            (entry.path().expect("path").to_string_lossy().into_owned(), content)
        });
        entries.collect()
    }

    #[test]
    fn every_input_counts_and_times_do_not() {
        let files = [("Dockerfile", "FROM x"), ("a/b", "1")];
        let one = folder(&files);
        let same = folder(&files);
        let path = same.path().join("a/b");
        File::open(&path).expect("file").set_modified(std::time::UNIX_EPOCH).expect("time");
        assert_eq!(hash(&one), hash(&same));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        assert_ne!(hash(&one), hash(&same), "mode");
        assert_ne!(hash(&one), hash(&folder(&[("Dockerfile", "FROM x"), ("a/b", "2")])), "content");
        assert_ne!(hash(&one), hash(&folder(&[("Dockerfile", "FROM x"), ("a/c", "1")])), "name");
        let linked = folder(&files);
        std::os::unix::fs::symlink("nowhere", linked.path().join("link")).expect("link");
        assert_ne!(hash(&one), hash(&linked), "a link that leads nowhere");
    }

    #[test]
    fn ignored_files_neither_count_nor_travel() {
        let rules = ("  .dockerignore".trim(), "*.log\nsecret\n!secret/keep\nDockerfile\n");
        let base = [("Dockerfile", "FROM x"), rules, ("a", "1"), ("secret/keep", "k")];
        let one = folder(&base);
        let with_more = folder(&[&base[..], &[("x.log", "noise"), ("secret/other", "s")]].concat());
        assert_eq!(hash(&one), hash(&with_more));
        let context =
            Context::scan(Some(with_more.path()), Dockerfile::File("Dockerfile"), &[]).expect("scan");
        let names: Vec<String> = archived(&context).into_keys().collect();
        assert_eq!(names, [".dockerignore", "Dockerfile", "a", "secret/", "secret/keep"]);
        let more = ["a".to_owned(), "**/keep".to_owned()];
        let context =
            Context::scan(Some(with_more.path()), Dockerfile::File("Dockerfile"), &more).expect("scan");
        let names: Vec<String> = archived(&context).into_keys().collect();
        assert_eq!(names, [".dockerignore", "Dockerfile"], "also what the file had kept");
    }

    #[test]
    fn a_dockerfile_from_the_configuration_is_hidden_from_the_build() {
        let context = Context::scan(None, Dockerfile::Inline("FROM y"), &[]).expect("scan");
        let files = archived(&context);
        assert_eq!(files[INLINE_DOCKERFILE], "FROM y");
        assert!(files[IGNORE_FILE].contains(INLINE_DOCKERFILE));
        let other = Context::scan(None, Dockerfile::Inline("FROM z"), &[]).expect("scan");
        assert_ne!(context.hash().expect("hash"), other.hash().expect("hash"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = folder(&[("x", "")]);
        let fault = Context::scan(Some(empty.path()), Dockerfile::File("Dockerfile"), &[])
            .expect_err("no Dockerfile");
        assert!(fault.summary.contains("Dockerfile"), "{fault}");
        let fault = Context::scan(Some(Path::new("/nonexistent")), Dockerfile::File("Dockerfile"), &[])
            .expect_err("no folder");
        assert!(fault.summary.contains("/nonexistent"), "{fault}");
    }
}
