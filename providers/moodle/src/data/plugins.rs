use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostics, Fault, Field, Object, Schema, Type, Value};

use crate::catalogue::release::Branch;
use crate::catalogue::requirements::Version;
use crate::source::plugin_file::PluginFile;
use crate::source::plugins::{Plugin, plugins};
use crate::validation::require;

pub const KIND: &str = "moodle_plugins";

pub fn schema() -> Schema {
    let text = || Field::required(Type::String);
    let maybe = || Field::optional(Type::Number);
    let plugin = Type::object([
        ("component", text()),
        ("path", text()),
        ("version", text()),
        ("requires", Field::optional(Type::String)),
        ("supported", Field::optional(Type::list(Type::Number))),
        ("incompatible", maybe()),
        ("standard", Field::optional(Type::Bool)),
    ]);
    Schema::new(
        KIND,
        "The plugins of a source tree, as each version.php describes its own; they are read as text and never run. \
         With \"branch\" or \"version\", reading it fails where a plugin does not go with that core: Moodle itself \
         finds some of that only when half the database is upgraded.",
        [
            (
                "path",
                Attribute::required(Type::String, "The source tree, on the machine that mprov runs on."),
            ),
            (
                "branch",
                Attribute::optional(Type::String, "The branch of core that they are to run with: \"500\"."),
            ),
            (
                "version",
                Attribute::optional(Type::String, "The exact version of core that they are to run with."),
            ),
            (
                "plugins",
                Attribute::computed(
                    Type::list(plugin),
                    "All plugins, by component. \"standard\" tells those that are part of Moodle; null where the tree \
                     does not say which are.",
                ),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let detail = "Write it as version.php does: \"500\", as in moodle_source.code.branch.";
    require(
        &mut found,
        config,
        "branch",
        |v| Branch::from_code(v).is_some(),
        "not a branch of Moodle",
        detail,
    );
    let detail = "Write the number of version.php: \"2025041406.11\", as in moodle_source.code.version.";
    require(
        &mut found,
        config,
        "version",
        |v| Version::parse(v).is_some(),
        "not a version of Moodle",
        detail,
    );
    found
}

pub struct PluginsData;

#[async_trait]
impl DataSource for PluginsData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let tree = call.base_dir.join(config.str("path")?);
        let found = tokio::task::spawn_blocking(move || plugins(&tree)).await;
        let found = found.map_err(|panic| Fault::new(format!("the plugins cannot be listed: {panic}")))??;
        let core = Core {
            branch: config.opt_str("branch")?.and_then(Branch::from_code),
            version: config.opt_str("version")?.and_then(Version::parse),
        };
        let misfits: Vec<String> = found.iter().filter_map(|p| core.refuses(p)).collect();
        if !misfits.is_empty() {
            let list: Vec<String> = misfits.iter().map(|m| format!("- {m}")).collect();
            return Err(Fault::new("there are plugins that do not go with this release of Moodle").detail(
                format!("{}\nTake releases of them that do, or leave them out of the tree.", list.join("\n")),
            ));
        }
        Ok(config.clone().with("plugins", Value::list(found.iter().map(described))))
    }
}

/// What the plugins are to run with, as far as it is known.
struct Core {
    branch: Option<Branch>,
    version: Option<Version>,
}

impl Core {
    /// Why the plugin does not go with it.
    fn refuses(&self, plugin: &Plugin) -> Option<String> {
        let why = self.misfit(&plugin.file)?;
        Some(format!(
            "{} {} (in {}): {why}",
            plugin.file.component,
            plugin.file.version,
            plugin.path.display()
        ))
    }

    fn misfit(&self, plugin: &PluginFile) -> Option<String> {
        if let Some(version) = &self.version
            && let Some(requires) = &plugin.requires
            && Version::parse(requires).is_some_and(|requires| requires > *version)
        {
            return Some(format!("requires version {requires} of core"));
        }
        let branch = self.branch?.code();
        if let Some(from) = plugin.incompatible.filter(|from| *from <= branch) {
            return Some(format!("is incompatible with branch {from} and later"));
        }
        let (first, last) = plugin.supported?;
        (!(first..=last).contains(&branch)).then(|| format!("supports the branches {first} to {last}"))
    }
}

fn described(plugin: &Plugin) -> Value {
    let file = &plugin.file;
    let number = |branch: u32| Value::from(i64::from(branch));
    Value::object([
        ("component", Value::from(file.component.clone())),
        ("path", plugin.path.to_string_lossy().into_owned().into()),
        ("version", file.version.clone().into()),
        ("requires", file.requires.clone().into()),
        ("supported", file.supported.map(|(first, last)| Value::list([number(first), number(last)])).into()),
        ("incompatible", file.incompatible.map(number).into()),
        ("standard", plugin.standard.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfit(requires: &str, supported: Option<(u32, u32)>, incompatible: Option<u32>) -> Option<String> {
        let core = Core { branch: Some(Branch(5, 0)), version: Version::parse("2025041406.11") };
        let plugin = PluginFile {
            component: "local_x".into(),
            version: "1".into(),
            requires: Some(requires.into()),
            supported,
            incompatible,
        };
        core.misfit(&plugin)
    }

    #[test]
    fn a_plugin_that_says_so_does_not_go_with_core() {
        assert_eq!(misfit("2025041406.11", Some((405, 500)), Some(501)), None);
        assert_eq!(misfit("2024100700", None, None), None);
        assert!(misfit("2025041406.12", None, None).expect("too new").contains("requires version"));
        assert!(misfit("1", Some((401, 405)), None).expect("not supported").contains("401 to 405"));
        assert!(misfit("1", Some((501, 502)), None).expect("not supported").contains("501 to 502"));
        assert!(misfit("1", Some((401, 500)), Some(500)).expect("incompatible").contains("500 and later"));
    }

    #[test]
    fn without_a_core_nothing_is_refused() {
        let core = Core { branch: None, version: None };
        let plugin = PluginFile {
            component: "local_x".into(),
            version: "1".into(),
            requires: Some("9999999999".into()),
            supported: Some((401, 405)),
            incompatible: Some(402),
        };
        assert_eq!(core.misfit(&plugin), None);
    }
}
