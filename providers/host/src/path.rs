use std::path::{Component, Path, PathBuf};

use mprov_sdk::Fault;

/// Longest base name that still has room for what temporary names add to it.
const NAME_LIMIT: usize = 180;

/// The path without `.` and `..` and, where it is relative, below the folder of the root module.
pub fn absolute(base: &Path, path: &str) -> Result<String, Fault> {
    let wrong = |why: &str| Fault::new(format!("\"{path}\" cannot be used as a path")).detail(why.to_owned());
    if path.is_empty() || path.contains('\0') {
        return Err(wrong("A path is not empty and has no NUL in it."));
    }
    let joined = std::path::absolute(base.join(path)).map_err(|e| wrong(&e.to_string()))?;
    let mut clean = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean.into_os_string().into_string().map_err(|_| wrong("It is not valid UTF-8."))
}

/// As [`absolute`], for what is made and removed: the root of the filesystem is refused.
pub fn manageable(base: &Path, path: &str) -> Result<String, Fault> {
    match absolute(base, path)? {
        root if root == "/" => Err(Fault::new("the root of the filesystem cannot be managed")),
        clean => Ok(clean),
    }
}

/// The folder of an absolute path other than `/`.
pub fn folder(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// The path and everything above it but `/`, the path first.
pub fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(folder(path))).take_while(|path| *path != "/")
}

/// Where something is made before it gets its name: the same for every try, so that a try finds
/// what the one before has left.
pub fn pending(path: &str) -> String {
    beside(path, "mprov-new")
}

/// Where a mark lies on filesystems without extended attributes.
pub fn side_file(path: &str) -> String {
    beside(path, "mprov-mark")
}

/// A hidden name in the same folder.
pub fn beside(path: &str, suffix: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = (0..=name.len().min(NAME_LIMIT)).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
    match folder(path) {
        "/" => format!("/.{}.{suffix}", &name[..end]),
        folder => format!("{folder}/.{}.{suffix}", &name[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_are_below_the_root_module() {
        let path = |p| absolute(Path::new("/site"), p).unwrap();
        assert_eq!(path("data/x"), "/site/data/x");
        assert_eq!(path("./a//b/../c/"), "/site/a/c");
        assert_eq!(path("/srv/x"), "/srv/x");
        assert_eq!(path("../../../x"), "/x");
    }

    #[test]
    fn what_is_no_path_and_the_root_are_refused() {
        assert!(absolute(Path::new("/site"), "").is_err());
        assert!(absolute(Path::new("/site"), "a\0b").is_err());
        assert!(manageable(Path::new("/site"), "..").is_err());
    }

    #[test]
    fn hidden_names_stay_in_the_folder_and_within_the_limit() {
        assert_eq!(pending("/srv/data"), "/srv/.data.mprov-new");
        assert_eq!(pending("/data"), "/.data.mprov-new");
        let long = format!("/srv/{}", "ü".repeat(127));
        assert!(pending(&long).len() < 255);
        assert_eq!(upwards("/a/b/c").collect::<Vec<_>>(), ["/a/b/c", "/a/b", "/a"]);
    }
}
