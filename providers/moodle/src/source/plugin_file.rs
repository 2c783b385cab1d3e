use std::sync::LazyLock;

use regex::Regex;

/// What a plugin's `version.php` says. Like that of core it is read as text and never run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// Type and name: `mod_quiz`.
    pub component: String,
    /// A decimal number.
    pub version: String,
    /// The least version of core, a decimal number.
    pub requires: Option<String>,
    /// The first and the last branch that it is said to work with: 401, 405.
    pub supported: Option<(u32, u32)>,
    /// From this branch on it is said not to work.
    pub incompatible: Option<u32>,
}

static COMPONENT: LazyLock<Regex> = LazyLock::new(|| property("component", r#"['"]([a-z][a-z0-9_]*)['"]"#));
static VERSION: LazyLock<Regex> = LazyLock::new(|| property("version", r"([0-9]+(?:\.[0-9]+)?)"));
static REQUIRES: LazyLock<Regex> = LazyLock::new(|| property("requires", r"([0-9]+(?:\.[0-9]+)?)"));
static SUPPORTED: LazyLock<Regex> = LazyLock::new(|| {
    property("supported", r"(?:\[|array\s*\()\s*([0-9]{2,4})\s*,\s*([0-9]{2,4})\s*,?\s*[\])]")
});
static INCOMPATIBLE: LazyLock<Regex> = LazyLock::new(|| property("incompatible", r"([0-9]{2,4})"));

fn property(name: &str, value: &str) -> Regex {
    Regex::new(&format!(r"(?m)^\s*\$plugin\s*->\s*{name}\s*=\s*{value}\s*;")).expect("the pattern is valid")
}

impl PluginFile {
    /// None where it lacks a component or version, and so is no plugin's.
    pub fn parse(text: &str) -> Option<Self> {
        let first = |regex: &Regex| regex.captures(text).map(|c| c[1].to_owned());
        let supported = SUPPORTED.captures(text).and_then(|c| Some((c[1].parse().ok()?, c[2].parse().ok()?)));
        Some(Self {
            component: first(&COMPONENT)?,
            version: first(&VERSION)?,
            requires: first(&REQUIRES),
            supported,
            incompatible: first(&INCOMPATIBLE).and_then(|b| b.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read_as_text() {
        let text = "<?php\n// $plugin->version = 1;\ndefined('MOODLE_INTERNAL') || die();\n\
            $plugin->component = 'local_x'; // Full name.\n$plugin->version  = 2025010100.05;\n\
            $plugin->requires  = 2024100700; // 4.5\n$plugin->supported = [401, 405];\n\
            $plugin->incompatible = 500;\n$plugin->dependencies = ['mod_quiz' => 2024100700];\n";
        let plugin = PluginFile::parse(text).expect("a plugin");
        assert_eq!((plugin.component.as_str(), plugin.version.as_str()), ("local_x", "2025010100.05"));
        assert_eq!(plugin.requires.as_deref(), Some("2024100700"));
        assert_eq!((plugin.supported, plugin.incompatible), (Some((401, 405)), Some(500)));
    }

    #[test]
    fn what_is_not_said_is_none_and_what_is_no_plugin_too() {
        let text = "$plugin->component = \"mod_y\";\n$plugin -> version=2020010100;\n$plugin->supported = array(39, 400,);";
        let plugin = PluginFile::parse(text).expect("a plugin");
        assert_eq!((plugin.requires, plugin.supported, plugin.incompatible), (None, Some((39, 400)), None));
        for text in ["", "$version = 2025041400;", "$plugin->version = 1;", "$plugin->component = 'local_x';"]
        {
            assert_eq!(PluginFile::parse(text), None, "{text}");
        }
    }
}
