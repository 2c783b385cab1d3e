use std::fs;
use std::path::{Path, PathBuf};

use mprov_sdk::Fault;

use super::plugin_file::PluginFile;
use super::standard::Standard;

/// Folders that hold no plugins: history, other people's packages, and examples of broken plugins
/// that Moodle tests itself with. A plugin that is a repository of its own is one like any other.
const NO_PLUGINS: [&str; 4] = [".git", "node_modules", "vendor", "tests"];

/// A plugin of a source tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    pub file: PluginFile,
    /// Relative to the tree.
    pub path: PathBuf,
    /// Whether it is part of Moodle; none where the tree does not tell.
    pub standard: Option<bool>,
}

/// All plugins of a tree, by component. Links are not followed: they may lead round.
pub fn plugins(tree: &Path) -> Result<Vec<Plugin>, Fault> {
    let standard = Standard::of(tree);
    let mut found = Vec::new();
    let mut open = vec![tree.to_owned()];
    while let Some(folder) = open.pop() {
        let fault = |e: std::io::Error| {
            Fault::new(format!("{} cannot be read", folder.display()))
                .detail(format!("{e}. Plugins are looked for in the whole tree."))
        };
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name();
            if entry.file_type().map_err(fault)?.is_dir() {
                if NO_PLUGINS.iter().all(|no| name != *no) {
                    open.push(entry.path());
                }
            } else if name == "version.php" {
                let text = fs::read(entry.path()).map_err(fault)?;
                let file = PluginFile::parse(&String::from_utf8_lossy(&text));
                let path = folder.strip_prefix(tree).unwrap_or(&folder).to_owned();
                found.extend(file.map(|file| Plugin {
                    standard: standard.as_ref().map(|s| s.contains(&file.component)),
                    file,
                    path,
                }));
            }
        }
    }
    found.sort_by(|a, b| (&a.file.component, &a.path).cmp(&(&b.file.component, &b.path)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_found_wherever_they_are_and_whosever_they_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let put = |path: &str, component: &str| {
            let folder = dir.path().join(path);
            fs::create_dir_all(&folder).expect("folders");
            let text = format!("<?php\n$plugin->component = '{component}';\n$plugin->version = 1;\n");
            fs::write(folder.join("version.php"), text).expect("a file");
        };
        fs::write(dir.path().join("version.php"), "<?php\n$version = 2025041400;\n").expect("a file");
        put("mod/quiz", "mod_quiz");
        put("public/local/b/sub/c", "bsub_c");
        put("local/own", "local_own");
        fs::create_dir_all(dir.path().join("local/own/.git/x")).expect("folders");
        put("local/own/.git/x", "local_history");
        put("lib/tests/fixtures/fake", "local_fake");
        put("vendor/some/thing", "local_thing");
        let found = plugins(dir.path()).expect("plugins");
        let found: Vec<(&str, &str)> =
            found.iter().map(|p| (p.file.component.as_str(), p.path.to_str().expect("text"))).collect();
        let expected =
            [("bsub_c", "public/local/b/sub/c"), ("local_own", "local/own"), ("mod_quiz", "mod/quiz")];
        assert_eq!(found, expected);
        assert!(plugins(&dir.path().join("gone")).is_err());
    }
}
