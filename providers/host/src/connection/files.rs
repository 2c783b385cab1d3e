//! The blocking file operations of the local machine.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::process::{Gid, Uid};
use sha2::{Digest, Sha256};

use super::api::{EntryKind, Mount, Space, Stat};

const BTRFS_MAGIC: u64 = 0x9123_683e;

pub fn stat(path: &str) -> io::Result<Option<Stat>> {
    let Some(data) = present(fs::symlink_metadata(path))? else { return Ok(None) };
    let kind = match data.file_type() {
        t if t.is_file() => EntryKind::File,
        t if t.is_dir() => EntryKind::Directory,
        t if t.is_symlink() => EntryKind::Symlink,
        _ => EntryKind::Other,
    };
    Ok(Some(Stat {
        kind,
        mode: data.mode() & 0o7777,
        uid: data.uid(),
        gid: data.gid(),
        size: data.size(),
        inode: data.ino(),
    }))
}

pub fn read(path: &str) -> io::Result<Option<Vec<u8>>> {
    present(fs::read(path))
}

pub fn hash(path: &str) -> io::Result<Option<String>> {
    let Some(mut file) = present(File::open(path))? else { return Ok(None) };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(hex::encode(hasher.finalize()))),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// A [`super::NewFile`] that owns its parts.
pub struct OwnedFile {
    pub path: String,
    pub pending: String,
    pub content: Vec<u8>,
    pub mode: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub replace: bool,
    pub mark: Option<(String, String)>,
}

pub fn write(new: &OwnedFile) -> io::Result<()> {
    // Left there by a write that was killed.
    remove_file(&new.pending)?;
    let written = fill(new).and_then(|()| match new.replace {
        true => fs::rename(&new.pending, &new.path),
        false => rename_to_nothing(&new.pending, &new.path),
    });
    if let Err(error) = written {
        // The first error says what is wrong; a leftover is removed by the next write.
        drop(remove_file(&new.pending));
        return Err(error);
    }
    sync_folder(&new.path)
}

fn fill(new: &OwnedFile) -> io::Result<()> {
    // Nobody else may read it before mode and owner are right.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new.pending)?;
    if new.uid.is_some() || new.gid.is_some() {
        rustix::fs::fchown(&file, new.uid.map(Uid::from_raw), new.gid.map(Gid::from_raw))?;
    }
    if let Some((name, value)) = &new.mark {
        supported(set_attribute(&new.pending, name, value))?;
    }
    file.write_all(&new.content)?;
    file.set_permissions(Permissions::from_mode(new.mode))?;
    file.sync_all()
}

pub fn list(path: &str, limit: usize) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)?.take(limit) {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub fn make_dir(path: &str, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)?;
    // The umask has a say in the mode of a new directory, but none here.
    fs::set_permissions(path, Permissions::from_mode(mode))
}

pub fn rename(from: &str, to: &str) -> io::Result<()> {
    rename_to_nothing(from, to)?;
    sync_folder(to)
}

fn rename_to_nothing(from: &str, to: &str) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Filesystems without that flag: looked at before, which leaves a moment for others.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
            Err(error) => Err(error),
        },
        other => Ok(other?),
    }
}

pub fn remove_file(path: &str) -> io::Result<()> {
    present(fs::remove_file(path)).map(drop)
}

pub fn remove_dir(path: &str) -> io::Result<()> {
    present(fs::remove_dir(path)).map(drop)
}

pub fn remove_tree(path: &str) -> io::Result<()> {
    present(fs::remove_dir_all(path)).map(drop)
}

pub fn set_mode(path: &str, mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::from(rustix::io::Errno::LOOP));
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

pub fn set_owner(path: &str, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    Ok(rustix::fs::chownat(CWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
}

pub fn attribute(path: &str, name: &str) -> io::Result<Option<String>> {
    let mut value = [0; 1024];
    match rustix::fs::lgetxattr(path, name, &mut value) {
        Ok(length) => Ok(Some(String::from_utf8_lossy(&value[..length]).into_owned())),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(attribute_error(error)),
    }
}

pub fn set_attribute(path: &str, name: &str, value: &str) -> io::Result<()> {
    rustix::fs::lsetxattr(path, name, value.as_bytes(), XattrFlags::empty()).map_err(attribute_error)
}

fn attribute_error(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS => ErrorKind::Unsupported.into(),
        other => other.into(),
    }
}

/// Success where the filesystem cannot do it at all.
fn supported(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}

pub fn sync(path: &str) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

fn sync_folder(path: &str) -> io::Result<()> {
    let folder = Path::new(path).parent().expect("the path of an entry has a folder");
    File::open(folder)?.sync_all()
}

pub fn shares_data(from: &str, to: &str) -> io::Result<bool> {
    // Files without a name: nothing to clean up, whatever happens.
    let unnamed =
        |directory| rustix::fs::open(directory, OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR | Mode::WUSR);
    let one = match unnamed(from) {
        // A snapshot that nobody may write to: the filesystem it is in has to tell.
        Err(rustix::io::Errno::ROFS) => unnamed(to),
        other => other,
    };
    let (one, other) = match (one, unnamed(to)) {
        (Ok(one), Ok(other)) => (File::from(one), other),
        (Err(rustix::io::Errno::OPNOTSUPP), _) => return Ok(false),
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    (&one).write_all(&[b'm'; 64 * 1024])?;
    match rustix::fs::ioctl_ficlone(&other, &one) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::NOSPC) => Err(ErrorKind::StorageFull.into()),
        // OPNOTSUPP, INVAL, NOTTY, XDEV: filesystems have many ways to say that they cannot.
        Err(_) => Ok(false),
    }
}

pub fn is_btrfs(directory: &str) -> io::Result<bool> {
    Ok(rustix::fs::statfs(directory)?.f_type as u64 == BTRFS_MAGIC)
}

pub fn space(path: &str) -> io::Result<Space> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Space { total: found.f_blocks * found.f_frsize, free: found.f_bavail * found.f_frsize })
}

pub fn mounts_in(path: &str) -> io::Result<Vec<Mount>> {
    let real = fs::canonicalize(path)?;
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(mounts(&table, path, &real))
}

/// What of the table is at the path, which really is that one, or below.
pub fn mounts(table: &str, path: &str, real: &Path) -> Vec<Mount> {
    table.lines().filter_map(|line| mount(line, path, real)).collect()
}

/// A line of the table, where it is at the path or below; see proc_pid_mountinfo(5).
fn mount(line: &str, path: &str, real: &Path) -> Option<Mount> {
    let (place, filesystem) = line.split_once(" - ")?;
    let place: Vec<&str> = place.split(' ').collect();
    let mut filesystem = filesystem.split(' ').map(unescape);
    let point = unescape(place.get(4)?);
    let below = Path::new(&point).strip_prefix(real).ok()?.to_str()?;
    Some(Mount {
        point: if below.is_empty() { path.to_owned() } else { format!("{path}/{below}") },
        number: (*place.get(2)?).to_owned(),
        kind: filesystem.next()?,
        source: filesystem.next()?,
    })
}

/// Mount tables write space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

pub fn processes_with(environment: &str) -> io::Result<Vec<u32>> {
    let wanted = environment.as_bytes();
    let has = |pid: &u32| {
        // A process that ends meanwhile, or is another user's, is none of ours.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|b| *b == 0).any(|entry| entry == wanted)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_str().and_then(|n| n.parse::<u32>().ok());
        found.extend(pid.filter(has));
    }
    Ok(found)
}

/// None where nothing is there.
pub fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
