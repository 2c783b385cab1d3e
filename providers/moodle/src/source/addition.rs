use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Field, Object, Type, Value};
use serde::Deserialize;

use super::pinned::{self, Pinned, blocking};
use super::plugin_file::PluginFile;
use super::tree::{Tree, clean};
use crate::validation::refuse;

/// A plugin that is put into a source tree which does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Type and name: `mod_attendance`.
    pub component: String,
    /// What its version.php has to say.
    pub version: Option<String>,
    pub code: Pinned,
}

/// `plugin { … }` of a source.
pub fn blocks() -> Attribute {
    Attribute::blocks(
        [
            ("component", Field::required(Type::String)),
            ("version", Field::optional(Type::String)),
            ("archive", Field::optional(Type::String)),
            ("sha256", Field::optional(Type::String)),
            ("git", Field::optional(Type::String)),
            ("ref", Field::optional(Type::String)),
            ("commit", Field::optional(Type::String)),
        ],
        "A plugin that is put into the tree: its component (mod_attendance), \"archive\" (zip or tar, as the plugin \
         directory of Moodle has them) with \"sha256\" or \"git\" with \"commit\", and the \"version\" that its \
         version.php has to have. Not for a folder, which is used as it is.",
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let Some(blocks) = config["plugin"].as_elements() else { return found };
    if !blocks.is_empty() && !config["folder"].is_null() {
        let detail =
            "A folder is not changed. Put the plugins into it, or give \"archive\" or \"git\" instead.";
        found.push(refuse("plugin", "plugins cannot be put into a folder", detail));
    }
    let mut seen = Vec::new();
    for block in blocks {
        let Some(block) = block.as_object() else { continue };
        if block["archive"].is_null() == block["git"].is_null() {
            let detail = "Give exactly one of \"archive\" (with \"sha256\") and \"git\" (with \"commit\").";
            found.push(refuse("plugin", "a plugin needs one origin", detail));
        }
        pinned::validate(block).into_iter().for_each(|d| found.push(d.address("plugin")));
        let Some(component) = block["component"].as_str() else { continue };
        if parts(component).is_none() {
            let detail = "It is type and name, as $plugin->component in its version.php: mod_attendance.";
            found.push(refuse("plugin", format!("\"{component}\" is no component"), detail));
        }
        if seen.contains(&component) {
            found.push(refuse("plugin", format!("{component} is given twice"), "Leave out one of them."));
        }
        seen.push(component);
    }
    found
}

impl Addition {
    pub fn all(object: &Object) -> Result<Vec<Self>, Fault> {
        let blocks = object["plugin"].as_elements().unwrap_or_default();
        blocks.iter().filter_map(Value::as_object).map(Self::of).collect()
    }

    fn of(block: &Object) -> Result<Self, Fault> {
        let component = block.str("component")?.to_owned();
        let code = Pinned::of(block)?
            .ok_or_else(|| Fault::new(format!("the origin of the plugin {component} is not known")))?;
        Ok(Self { version: block.opt_str("version")?.map(str::to_owned), component, code })
    }

    /// Fetches the plugin and puts it where its type belongs in the tree.
    pub async fn add(&self, call: &Call, tree: &Path, workshop: &Path) -> Result<(), Fault> {
        call.events.progress(&format!("Adding {}", self.component));
        let code = self.code.obtain(call, workshop).await.map_err(|fault| {
            Fault::new(format!("{}: {}", self.component, fault.summary)).detail(fault.detail)
        })?;
        let (addition, tree) = (self.clone(), tree.to_owned());
        blocking(move || addition.place(&code, &tree)).await
    }

    fn place(&self, code: &Path, tree: &Path) -> Result<(), Fault> {
        let component = &self.component;
        let text = fs::read(code.join("version.php")).unwrap_or_default();
        let Some(file) = PluginFile::parse(&String::from_utf8_lossy(&text)) else {
            return Err(Fault::new(format!("what is given for {component} is no plugin"))
                .detail("It has no version.php with a component and a version at its top."));
        };
        if file.component != *component {
            return Err(Fault::new(format!("what is given for {component} is {}", file.component))
                .detail("Correct \"component\", or the origin."));
        }
        if let Some(version) = self.version.as_ref().filter(|v| **v != file.version) {
            return Err(Fault::new(format!("{component} has version {}, not {version}", file.version))
                .detail("Correct \"version\", or the origin."));
        }
        let target = tree.join(folder(tree, component)?);
        let fault = |e: std::io::Error| {
            Fault::new(format!("{component} cannot be put into the tree"))
                .detail(format!("{}: {e}.", target.display()))
        };
        if fs::symlink_metadata(&target).is_ok() {
            return Err(Fault::new(format!("the tree has {component} already"))
                .detail("Take the plugin block away, or the plugin out of the tree."));
        }
        clean(code).map_err(fault)?;
        fs::rename(code, &target).map_err(fault)
    }
}

/// Type and name of a component.
fn parts(component: &str) -> Option<(&str, &str)> {
    let plain = |t: &str| {
        t.starts_with(|c: char| c.is_ascii_lowercase())
            && t.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    component.split_once('_').filter(|(kind, name)| plain(kind) && plain(name))
}

/// Folders by type of plugin: `lib/components.json`, and `db/subplugins.json` of a plugin that has
/// plugins of its own.
#[derive(Default, Deserialize)]
struct Types {
    #[serde(default, rename = "plugintypes")]
    types: BTreeMap<String, Option<String>>,
}

/// Where the tree has plugins of that type, relative to it.
fn folder(tree: &Path, component: &str) -> Result<PathBuf, Fault> {
    let docroot = Tree::read(tree)?.docroot;
    let unknown = || {
        Fault::new(format!("the tree has no place for {component}"))
            .detail("Neither lib/components.json nor a plugin of it knows that type of plugin.")
    };
    let (kind, name) = parts(component).ok_or_else(unknown)?;
    let read = |path: PathBuf| -> Types {
        let text = fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    };
    // Its paths begin at the tree's top, where that is not what is served.
    let core = read(tree.join(docroot).join("lib/components.json"));
    let found = core.types.get(kind).cloned().flatten().or_else(|| {
        let plugins = super::plugins::plugins(tree).unwrap_or_default();
        plugins.iter().find_map(|p| {
            let own = read(tree.join(&p.path).join("db/subplugins.json"));
            own.types.get(kind).cloned().flatten()
        })
    });
    let found = PathBuf::from(found.ok_or_else(unknown)?).join(name);
    let below = |root: &str| {
        let path = Path::new(root).join(&found);
        path.parent().is_some_and(|parent| tree.join(parent).is_dir()).then_some(path)
    };
    below("").or_else(|| below(docroot)).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_type_and_name() {
        assert_eq!(parts("mod_quiz"), Some(("mod", "quiz")));
        assert_eq!(parts("quizaccess_seb_x"), Some(("quizaccess", "seb_x")));
        for bad in ["quiz", "_quiz", "mod_", "mod_../x", "Mod_quiz", "mod_-x"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_tree_says_where_a_plugin_belongs() {
        for docroot in ["", "public"] {
            let tree = tempfile::tempdir().expect("a folder");
            let put = |path: &str, text: &str| {
                let file = tree.path().join(docroot).join(path);
                fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
                fs::write(file, text).expect("a file");
            };
            put(
                "version.php",
                "<?php\n$version = 2025041400.00;\n$release = '5.0 (Build: 1)';\n$branch = '500';\n",
            );
            let path = |path: &str| Path::new(docroot).join(path).to_string_lossy().into_owned();
            let types =
                serde_json::json!({ "plugintypes": { "mod": path("mod"), "tool": path("admin/tool") } });
            put("lib/components.json", &types.to_string());
            put("admin/tool/x/version.php", "");
            put("mod/quiz/version.php", "<?php\n$plugin->component = 'mod_quiz';\n$plugin->version = 1;\n");
            put("mod/quiz/report/x", "");
            put("mod/quiz/db/subplugins.json", r#"{ "plugintypes": { "quiz": "mod/quiz/report" } }"#);
            let place = |component: &str| folder(tree.path(), component);
            assert_eq!(place("mod_own").expect("a place"), Path::new(&path("mod/own")));
            assert_eq!(place("tool_own").expect("a place"), Path::new(&path("admin/tool/own")));
            assert_eq!(place("quiz_own").expect("a place"), Path::new(&path("mod/quiz/report/own")));
            assert!(place("unheard_of").is_err());
        }
    }
}
