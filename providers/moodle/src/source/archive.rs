use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use mprov_sdk::Fault;
use tar::{Archive, EntryType};
use zip::ZipArchive;

/// Ten times what Moodle with many plugins has: an archive beyond it is damaged or meant to harm.
const MOST_ENTRIES: usize = 500_000;
const MOST_BYTES: u64 = 8 << 30;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unpacks a tar archive, plain or gzipped, or a zip file into a folder that is empty.
///
/// Nothing is written outside of the folder: names that are absolute or climb with `..`, links
/// that lead out of it, devices and pipes make the whole archive refused. Owners are not taken
/// over, and of the permission bits only the one for execution is.
pub fn unpack(archive: &Path, into: &Path) -> Result<(), Fault> {
    let refuse = |why: String| {
        Fault::new(format!("{} cannot be unpacked", archive.display()))
            .detail(format!("{why}. Nothing was kept."))
    };
    let mut file = BufReader::new(File::open(archive).map_err(|e| refuse(e.to_string()))?);
    let mut magic = Vec::new();
    file.by_ref().take(2).read_to_end(&mut magic).map_err(|e| refuse(e.to_string()))?;
    let zipped = magic == GZIP;
    if magic == *b"PK" {
        let file = File::open(archive).map_err(|e| refuse(e.to_string()))?;
        return unpack_zip(file, into).map_err(refuse);
    }
    let whole = io::Cursor::new(magic).chain(file);
    let content: Box<dyn Read> = match zipped {
        true => Box::new(MultiGzDecoder::new(whole)),
        false => Box::new(whole),
    };
    unpack_tar(content.take(MOST_BYTES), into).map_err(refuse)
}

fn unpack_tar(content: impl Read, into: &Path) -> Result<(), String> {
    let mut archive = Archive::new(content);
    let entries = archive.entries().map_err(|e| e.to_string())?;
    for (number, entry) in entries.enumerate() {
        if number >= MOST_ENTRIES {
            return Err(format!("It has more than {MOST_ENTRIES} entries"));
        }
        let mut entry = entry.map_err(|e| e.to_string())?;
        let name = entry.path().map_err(|e| e.to_string())?.into_owned();
        let path =
            inside(&name).ok_or_else(|| format!("It names a path outside of itself: {}", name.display()))?;
        let target = into.join(&path);
        match entry.header().entry_type() {
            EntryType::Directory => make_folder(into, &path)?,
            EntryType::Regular | EntryType::Continuous => {
                make_folder(into, path.parent().unwrap_or(Path::new("")))?;
                let executable = entry.header().mode().unwrap_or(0o644) & 0o100 != 0;
                write(&mut entry, &target, executable).map_err(|e| format!("{}: {e}", name.display()))?;
            }
            EntryType::Symlink => {
                let link = entry.link_name().map_err(|e| e.to_string())?.unwrap_or_default().into_owned();
                if !stays_inside(&path, &link) {
                    return Err(format!(
                        "It has a link out of itself: {} -> {}",
                        name.display(),
                        link.display()
                    ));
                }
                make_folder(into, path.parent().unwrap_or(Path::new("")))?;
                std::os::unix::fs::symlink(&link, &target).map_err(|e| format!("{}: {e}", name.display()))?;
            }
            EntryType::XGlobalHeader
            | EntryType::XHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink => {}
            _ => return Err(format!("It has something that is no file, folder or link: {}", name.display())),
        }
    }
    Ok(())
}

/// As the plugin directory of Moodle has them: files and folders only.
fn unpack_zip(file: File, into: &Path) -> Result<(), String> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    if archive.len() > MOST_ENTRIES {
        return Err(format!("It has more than {MOST_ENTRIES} entries"));
    }
    let mut left = MOST_BYTES;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(|e| e.to_string())?;
        let name = PathBuf::from(entry.name());
        let path =
            inside(&name).ok_or_else(|| format!("It names a path outside of itself: {}", name.display()))?;
        if entry.is_dir() {
            make_folder(into, &path)?;
            continue;
        }
        if entry.is_symlink() {
            return Err(format!("It has something that is no file or folder: {}", name.display()));
        }
        make_folder(into, path.parent().unwrap_or(Path::new("")))?;
        let executable = entry.unix_mode().unwrap_or(0o644) & 0o100 != 0;
        let mut content = (&mut entry).take(left + 1);
        write(&mut content, &into.join(&path), executable).map_err(|e| format!("{}: {e}", name.display()))?;
        left = content.limit().checked_sub(1).ok_or(format!("It holds more than {MOST_BYTES} bytes"))?;
    }
    Ok(())
}

/// The path below the folder; none if it leads out of it.
fn inside(name: &Path) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Whether a link at that path of the tree points into the tree.
pub fn stays_inside(path: &Path, link: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for component in link.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Makes the folders of the path one by one; an existing link among them is none: what is written
/// below it would lie elsewhere.
fn make_folder(into: &Path, path: &Path) -> Result<(), String> {
    let mut folder = into.to_owned();
    for part in path.components() {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(format!("It uses {} as a folder, which it is not", path.display())),
            Err(_) => fs::create_dir(&folder).map_err(|e| format!("{}: {e}", path.display()))?,
        }
    }
    Ok(())
}

fn write(content: &mut impl Read, target: &Path, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    // Not through a link, and not over a file that is there already.
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = File::options().write(true).create_new(true).mode(mode).open(target)?;
    io::copy(content, &mut file).map(drop)
}

/// The only folder in a folder, where releases have everything; or the folder itself.
pub fn top(folder: &Path) -> io::Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    let first = entries.next().transpose()?;
    match (first, entries.next()) {
        (Some(only), None) if only.file_type()?.is_dir() => Ok(only.path()),
        _ => Ok(folder.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    enum Entry<'a> {
        File(&'a str, &'a str),
        Link(&'a str, &'a str),
        Other(&'a str, EntryType),
    }

    /// Names are written as they are: the library's own functions refuse those that climb.
    fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for entry in entries {
            let (name, kind, content, link) = match entry {
                Entry::File(name, content) => (name, EntryType::Regular, *content, ""),
                Entry::Link(name, link) => (name, EntryType::Symlink, "", *link),
                Entry::Other(name, kind) => (name, *kind, "", "target"),
            };
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            let raw = header.as_old_mut();
            raw.name[..name.len()].copy_from_slice(name.as_bytes());
            raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).expect("append");
        }
        builder.into_inner().expect("finish")
    }

    fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<(), Fault>) {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a.tar");
        fs::write(&file, bytes).expect("write");
        let into = dir.path().join("into");
        fs::create_dir(&into).expect("mkdir");
        let result = unpack(&file, &into);
        (dir, result)
    }

    #[test]
    fn files_folders_and_inner_links_come_out_gzipped_or_not() {
        let plain = archive(&[
            Entry::File("moodle/version.php", "v"),
            Entry::File("./moodle/lib/a.php", "a"),
            Entry::Link("moodle/lib/b.php", "../version.php"),
        ]);
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        io::Write::write_all(&mut zipped, &plain).expect("zip");
        for bytes in [plain, zipped.finish().expect("zip")] {
            let (dir, result) = unpacked(&bytes);
            result.expect("unpacked");
            let top = top(&dir.path().join("into")).expect("top");
            assert!(top.ends_with("moodle"));
            assert_eq!(fs::read_to_string(top.join("lib/b.php")).expect("through the link"), "v");
        }
    }

    #[test]
    fn nothing_gets_out() {
        let hostile = [
            archive(&[Entry::File("../evil", "x")]),
            archive(&[Entry::File("/evil-of-mprov-test", "x")]),
            archive(&[Entry::File("a/../../evil", "x")]),
            archive(&[Entry::Link("a/link", "../../evil")]),
            archive(&[Entry::Link("link", "/etc/passwd")]),
            archive(&[Entry::Link("folder", "."), Entry::File("folder/x", "x")]),
            archive(&[Entry::File("x", "1"), Entry::File("x", "2")]),
            archive(&[Entry::Other("hard", EntryType::Link)]),
            archive(&[Entry::Other("pipe", EntryType::Fifo)]),
            archive(&[Entry::Other("device", EntryType::Char)]),
            b"PK\x03\x04 a zip file".to_vec(),
            vec![0x1f, 0x8b, 1, 2, 3],
        ];
        for (number, bytes) in hostile.iter().enumerate() {
            let (dir, result) = unpacked(bytes);
            assert!(result.is_err(), "number {number} was unpacked");
            assert!(!dir.path().join("evil").exists(), "number {number} got out");
        }
        assert!(!Path::new("/evil-of-mprov-test").exists());
    }

    #[test]
    fn links_are_followed_by_name() {
        assert!(stays_inside(Path::new("a/b/c"), Path::new("../../x")));
        assert!(!stays_inside(Path::new("a/b/c"), Path::new("../../../x")));
        assert!(!stays_inside(Path::new("a"), Path::new("/x")));
    }
}
