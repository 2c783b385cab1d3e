use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

/// The plugins that are part of Moodle, as a source tree itself names them.
pub struct Standard(BTreeSet<String>);

/// `lib/plugins.json`, from Moodle 4.5 on.
#[derive(Deserialize)]
struct File {
    /// Names by type: "mod" has "quiz".
    standard: BTreeMap<String, Vec<String>>,
}

/// Before 4.5 the list stands in the code: `core_plugin_manager::standard_plugins_list`.
static LIST: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"(?s)function\s+standard_plugins_list\b.*?(?:array\(|\[)(.*?);";
    Regex::new(text).expect("the pattern is valid")
});
static TYPE: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"'([a-z]+)'\s*=>\s*(?:array\s*\(|\[)([^)\]]*)[)\]]";
    Regex::new(text).expect("the pattern is valid")
});
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("'([a-z0-9_]+)'").expect("the pattern is valid"));

impl Standard {
    /// None where the tree has no list that is understood.
    pub fn of(tree: &Path) -> Option<Self> {
        let read = |path: &str| {
            let places = ["", "public"].map(|root| tree.join(root).join(path));
            places.iter().find_map(|place| fs::read_to_string(place).ok())
        };
        let types: BTreeMap<String, Vec<String>> = match read("lib/plugins.json") {
            Some(text) => serde_json::from_str::<File>(&text).ok()?.standard,
            None => from_code(&read("lib/classes/plugin_manager.php")?),
        };
        let components =
            types.iter().flat_map(|(kind, names)| names.iter().map(move |n| format!("{kind}_{n}")));
        let components: BTreeSet<String> = components.collect();
        (!components.is_empty()).then_some(Self(components))
    }

    /// `component` is type and name: `mod_quiz`.
    pub fn contains(&self, component: &str) -> bool {
        self.0.contains(component)
    }
}

fn from_code(text: &str) -> BTreeMap<String, Vec<String>> {
    let Some(list) = LIST.captures(text) else { return BTreeMap::new() };
    let names = |all: &str| NAME.captures_iter(all).map(|c| c[1].to_owned()).collect();
    TYPE.captures_iter(&list[1]).map(|c| (c[1].to_owned(), names(&c[2]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(path: &str, text: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().expect("a folder");
        let file = tree.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(file, text).expect("a file");
        tree
    }

    #[test]
    fn the_list_is_read_from_where_the_release_keeps_it() {
        let json = r#"{"standard": {"mod": ["quiz", "page"], "tool": ["log"]}, "deleted": {"mod": ["old"]}}"#;
        let code = "<?php\nclass m {\n public static function is_deleted($t) { return ['x' => array('y')]; }\n\
            public static function standard_plugins_list($type) {\n  $standard_plugins = array(\n\
            'mod' => array(\n 'quiz', 'page'\n ),\n 'tool' => array('log'),\n );\n\
            if (isset($standard_plugins[$type])) { return $standard_plugins[$type]; }\n }\n}\n";
        let trees = [
            tree("lib/plugins.json", json),
            tree("public/lib/plugins.json", json),
            tree("lib/classes/plugin_manager.php", code),
        ];
        for tree in trees {
            let standard = Standard::of(tree.path()).expect("a list");
            assert!(["mod_quiz", "mod_page", "tool_log"].iter().all(|c| standard.contains(c)));
            assert!(["mod_old", "x_y", "local_own"].iter().all(|c| !standard.contains(c)));
        }
    }

    #[test]
    fn a_tree_that_does_not_tell_is_not_guessed_at() {
        assert!(Standard::of(tree("version.php", "<?php").path()).is_none());
        assert!(Standard::of(tree("lib/classes/plugin_manager.php", "<?php class m {}").path()).is_none());
    }
}
