use std::fs;
use std::path::Path;

use mprov_sdk::{Fault, Object};

use super::version_file::VersionFile;

/// What stands in the way of using a source tree as the context of an image: the configuration
/// of another site, and a history that would make the image twice as large.
const UNWANTED: [&str; 2] = ["config.php", ".git"];

/// A folder with Moodle's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub file: VersionFile,
    /// The folder of it that the web server serves: empty, or `public` from Moodle 5.1 on.
    pub docroot: &'static str,
}

impl Tree {
    /// Reads what is there; a fault where the folder holds no Moodle.
    pub fn read(folder: &Path) -> Result<Self, Fault> {
        for docroot in ["public", ""] {
            // Only a public/ that has a version.php of its own is a document root.
            let path = folder.join(docroot).join("version.php");
            let Ok(text) = fs::read(&path) else { continue };
            let Some(file) = VersionFile::parse(&String::from_utf8_lossy(&text)) else { continue };
            return Ok(Self { file, docroot });
        }
        let why = match fs::metadata(folder) {
            Ok(found) if !found.is_dir() => "It is not a folder.".to_owned(),
            Ok(_) => "It has no version.php of Moodle, neither in itself nor in public/.".to_owned(),
            Err(error) => format!("It cannot be read: {error}."),
        };
        Err(Fault::new(format!("{} is no source tree of Moodle", folder.display()))
            .detail(format!("{why} Give the folder that holds admin/, lib/ and so on.")))
    }

    /// A folder that is not ours is used as it is or not at all.
    pub fn read_clean(folder: &Path) -> Result<Self, Fault> {
        let tree = Self::read(folder)?;
        for name in UNWANTED {
            if fs::symlink_metadata(folder.join(name)).is_err() {
                continue;
            }
            let why = match name {
                "config.php" => {
                    "It is the configuration of some site, and would end up in the image: move it away."
                }
                _ => {
                    "The history would end up in the image. Give \"git\" and \"commit\" instead of the folder, or \
                      export the tree without it."
                }
            };
            return Err(Fault::new(format!("{} has a {name}", folder.display())).detail(why));
        }
        Ok(tree)
    }

    /// The computed attributes of a source.
    pub fn describe(self, object: Object, folder: &Path) -> Object {
        object
            .with("path", folder.to_string_lossy().into_owned())
            .with("release", self.file.release)
            .with("version", self.file.version)
            .with("branch", self.file.branch)
            .with("maturity", self.file.maturity)
            .with("docroot", self.docroot)
    }
}

/// Removes from a tree of ours what must not be in an image.
pub fn clean(folder: &Path) -> std::io::Result<()> {
    for name in UNWANTED {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path)?,
            Ok(_) => fs::remove_file(&path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The repository's own stand-in, as `tests/standin/make` writes it.
    fn stand_in(release: &str, dest: &Path) {
        let make = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/standin/make");
        let made = Command::new(make).arg(release).arg(dest).status().expect("make runs");
        assert!(made.success());
    }

    #[test]
    fn both_layouts_are_known() {
        let dir = tempfile::tempdir().expect("a folder");
        for (release, docroot, branch) in [("5.0.6", "", "500"), ("5.1.0", "public", "501")] {
            let folder = dir.path().join(release);
            stand_in(release, &folder);
            let tree = Tree::read_clean(&folder).expect("a tree");
            assert_eq!(tree.docroot, docroot);
            assert_eq!(tree.file.branch.as_deref(), Some(branch));
            assert_eq!(tree.file.maturity.as_deref(), Some("stable"));
        }
    }

    #[test]
    fn a_folder_with_a_configuration_or_history_is_refused_and_one_of_ours_is_cleaned() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("tree");
        stand_in("5.0.6", &folder);
        fs::write(folder.join("config.php"), "<?php").expect("write");
        fs::create_dir(folder.join(".git")).expect("mkdir");
        assert!(Tree::read_clean(&folder).expect_err("refused").summary.contains("config.php"));
        fs::remove_file(folder.join("config.php")).expect("remove");
        assert!(Tree::read_clean(&folder).expect_err("refused").summary.contains(".git"));
        clean(&folder).expect("cleaned");
        assert!(Tree::read_clean(&folder).is_ok());
    }

    #[test]
    fn other_folders_are_refused_with_the_reason() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(Tree::read(dir.path()).expect_err("empty").detail.contains("no version.php"));
        assert!(Tree::read(&dir.path().join("gone")).expect_err("gone").detail.contains("cannot be read"));
    }
}
