use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bollard::Docker;
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, DownloadFromContainerOptions, UploadToContainerOptions,
};
use bytes::Bytes;
use futures_util::StreamExt;
use mprov_sdk::{Fault, Object, Value};

use super::body::unreadable;
use crate::fault::{engine_fault, has_status};
use crate::mode;

/// Where the volume of secrets is mounted.
pub const SECRETS_FOLDER: &str = "/run/secrets";
/// A file that was changed by hand is shown up to this size.
const SHOWN_BYTES: usize = 1 << 20;

pub fn secret_path(name: &str) -> String {
    format!("{SECRETS_FOLDER}/{name}")
}

/// A file to be put into a container. Has no `Debug`: its content may be a secret.
pub struct PlacedFile {
    /// Absolute, inside the container.
    pub path: String,
    content: Vec<u8>,
    mode: u32,
    uid: u64,
    gid: u64,
}

impl PlacedFile {
    /// From a `file` or `secret` block.
    pub fn of(block: &Object) -> Result<Self, Fault> {
        let path = match (block.opt_str("path")?, block.opt_str("name")?) {
            (Some(path), _) => path.to_owned(),
            (None, Some(name)) => secret_path(name),
            (None, None) => return Err(Fault::new("a file to be put into a container has no path")),
        };
        let text = block.str("mode")?;
        let id = |name: &str| -> Result<u64, Fault> {
            let id = block.i64(name)?;
            u64::try_from(id).map_err(|_| unreadable(name, &id.to_string()))
        };
        Ok(Self {
            path,
            content: block.str("content")?.as_bytes().to_vec(),
            mode: mode::parse(text).ok_or_else(|| unreadable("mode", text))?,
            uid: id("uid")?,
            gid: id("gid")?,
        })
    }
}

/// Puts all files and secrets of the container into it. It may run or not.
pub async fn upload_all(docker: &Docker, id: &str, planned: &Object) -> Result<(), Fault> {
    let files = placed(planned, "file")?;
    let secrets = placed(planned, "secret")?;
    let roots = mounted_folders(planned)?;
    let mut by_root: BTreeMap<&str, Vec<PlacedFile>> = BTreeMap::new();
    for file in files {
        let root = roots.iter().filter(|root| is_below(&file.path, root)).max_by_key(|root| root.len());
        by_root.entry(root.map_or("/", String::as_str)).or_default().push(file);
    }
    if !secrets.is_empty() {
        by_root.insert(SECRETS_FOLDER, secrets);
    }
    for (root, files) in by_root {
        upload(docker, id, root, &files).await?;
    }
    Ok(())
}

fn placed(planned: &Object, blocks: &str) -> Result<Vec<PlacedFile>, Fault> {
    planned.blocks(blocks)?.into_iter().map(PlacedFile::of).collect()
}

/// Folders that stay writable in a container with a read-only root: uploads go to them directly.
pub fn mounted_folders(planned: &Object) -> Result<Vec<String>, Fault> {
    let mut targets = Vec::new();
    for mount in planned.blocks("mount")? {
        if mount.opt_str("type")? != Some("tmpfs") {
            targets.push(mount.str("target")?.trim_end_matches('/').to_owned());
        }
    }
    Ok(targets)
}

pub fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

async fn upload(docker: &Docker, id: &str, root: &str, files: &[PlacedFile]) -> Result<(), Fault> {
    let missing = missing_folders(docker, id, root, files).await?;
    let archive = archive(root, &missing, files)
        .map_err(|e| Fault::new("files for a container could not be packed").detail(e.to_string()))?;
    let options = UploadToContainerOptions { path: root.to_owned(), ..Default::default() };
    // As a stream: bodies that are one piece are written to the HTTP client's trace log.
    let body = bollard::body_stream(futures_util::stream::iter([Bytes::from(archive)]));
    docker.upload_to_container(id, Some(options), body).await.map_err(|e| {
        let paths: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
        engine_fault(format!("{} could not be put into the container", paths.join(", ")), &e)
    })
}

/// Folders above the files that the container does not have. Docker would make them writable for
/// everyone; those that exist must keep their own mode.
async fn missing_folders(
    docker: &Docker,
    id: &str,
    root: &str,
    files: &[PlacedFile],
) -> Result<BTreeSet<String>, Fault> {
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for folder in files.iter().flat_map(|f| folders_above(root, &f.path)).collect::<BTreeSet<_>>() {
        let lies_in_missing = missing.iter().any(|m| is_below(&folder, m));
        if lies_in_missing || !exists(docker, id, &folder).await? {
            missing.insert(folder);
        }
    }
    Ok(missing)
}

async fn exists(docker: &Docker, id: &str, path: &str) -> Result<bool, Fault> {
    let options = ContainerArchiveInfoOptions { path: path.to_owned() };
    match docker.get_container_archive_info(id, Some(options)).await {
        Ok(_) => Ok(true),
        Err(error) if has_status(&error, 404) => Ok(false),
        Err(error) => Err(engine_fault(format!("{path} in the container could not be looked at"), &error)),
    }
}

/// The folders between a root and a path, without both, the outermost first.
fn folders_above(root: &str, path: &str) -> Vec<String> {
    let root = root.trim_end_matches('/');
    let inner = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
    let parts: Vec<&str> = inner.split('/').filter(|p| !p.is_empty()).collect();
    (1..parts.len()).map(|n| format!("{root}/{}", parts[..n].join("/"))).collect()
}

fn archive(root: &str, folders: &BTreeSet<String>, files: &[PlacedFile]) -> std::io::Result<Vec<u8>> {
    let relative = |path: &str| {
        let inner = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
        inner.trim_start_matches('/').to_owned()
    };
    let mut builder = tar::Builder::new(Vec::new());
    for folder in folders {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        builder.append_data(&mut header, format!("{}/", relative(folder)), std::io::empty())?;
    }
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        header.set_size(file.content.len() as u64);
        builder.append_data(&mut header, relative(&file.path), file.content.as_slice())?;
    }
    builder.into_inner()
}

/// The `file` blocks as they are in the container: a block whose file is gone is left out, one
/// whose file was changed has the new content, mode and owner.
pub async fn read_back(docker: &Docker, id: &str, stored: &Object) -> Result<Value, Fault> {
    let blocks = stored.elements("file")?;
    let mut seen = Vec::with_capacity(blocks.len());
    for value in blocks {
        let block = value.as_object().ok_or_else(|| Fault::new("a stored file block is no object"))?;
        match read_one(docker, id, &PlacedFile::of(block)?).await? {
            Found::Same => seen.push(value.clone()),
            Found::Gone => {}
            Found::Different(now) => {
                let mut block = block.clone();
                for (name, value) in now {
                    block.set(name, value);
                }
                seen.push(block.into());
            }
        }
    }
    match stored.get("file").is_null() {
        true => Ok(Value::Null),
        false => Ok(Value::list(seen)),
    }
}

enum Found {
    Same,
    Gone,
    Different(Object),
}

async fn read_one(docker: &Docker, id: &str, wanted: &PlacedFile) -> Result<Found, Fault> {
    let options = DownloadFromContainerOptions { path: wanted.path.clone() };
    let mut stream = Box::pin(docker.download_from_container(id, Some(options)));
    let limit = SHOWN_BYTES.max(wanted.content.len()) + 64 * 1024;
    let mut archive: Vec<u8> = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => archive.extend_from_slice(&chunk),
            Err(error) if has_status(&error, 404) => return Ok(Found::Gone),
            Err(error) => {
                return Err(engine_fault(
                    format!("{} could not be read in the container", wanted.path),
                    &error,
                ));
            }
        }
        if archive.len() > limit {
            break;
        }
    }
    compare(&archive, wanted).map_err(|e| {
        Fault::new(format!("{} could not be read in the container", wanted.path)).detail(e.to_string())
    })
}

fn compare(archive: &[u8], wanted: &PlacedFile) -> std::io::Result<Found> {
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(Found::Gone) };
    let mut entry = entry?;
    let header = entry.header().clone();
    if !header.entry_type().is_file() {
        return Ok(Found::Different(Object::new().with("content", "(no longer an ordinary file)")));
    }
    let (size, mode) = (header.size()?, header.mode()? & 0o7777);
    let (uid, gid) = (header.uid()?, header.gid()?);
    let mut now = Object::new();
    if mode != wanted.mode {
        now.set("mode", mode::text(mode));
    }
    if (uid, gid) != (wanted.uid, wanted.gid) {
        now.set("uid", i64::try_from(uid).ok().map(Value::from));
        now.set("gid", i64::try_from(gid).ok().map(Value::from));
    }
    let limit = SHOWN_BYTES.max(wanted.content.len()) as u64;
    if size > limit {
        now.set("content", format!("({size} bytes, too large to show)"));
        return Ok(Found::Different(now));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    if content != wanted.content {
        let text = String::from_utf8(content);
        now.set("content", text.unwrap_or_else(|_| format!("({size} bytes that are no text)")));
    }
    Ok(if now.is_empty() { Found::Same } else { Found::Different(now) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str, mode: u32) -> PlacedFile {
        PlacedFile { path: path.into(), content: content.into(), mode, uid: 33, gid: 0 }
    }

    #[test]
    fn folders_above_a_file_are_named_from_the_outside() {
        assert_eq!(folders_above("/", "/etc/php/conf.d/x.ini"), ["/etc", "/etc/php", "/etc/php/conf.d"]);
        assert_eq!(folders_above("/run/secrets", "/run/secrets/a/b"), ["/run/secrets/a"]);
        assert!(folders_above("/", "/x").is_empty());
    }

    #[test]
    fn below_is_about_whole_names() {
        assert!(is_below("/data/x", "/data") && is_below("/data/x", "/data/"));
        assert!(!is_below("/database/x", "/data") && !is_below("/data", "/data"));
    }

    #[test]
    fn a_file_is_compared_by_content_mode_and_owner() {
        let wanted = file("/a/x", "one", 0o640);
        let packed =
            |f: &PlacedFile| archive("/a", &BTreeSet::new(), std::slice::from_ref(f)).expect("archive");
        assert!(matches!(compare(&packed(&wanted), &wanted).expect("tar"), Found::Same));
        let Found::Different(now) = compare(&packed(&file("/a/x", "two", 0o600)), &wanted).expect("tar")
        else {
            panic!("it differs");
        };
        assert_eq!(now["content"], "two".into());
        assert_eq!(now["mode"], "0600".into());
        assert!(!now.contains("uid"));
    }
}
