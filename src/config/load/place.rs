use std::fmt;
use std::path::{Component, Path, PathBuf};

/// What the sources of built-in modules begin with.
const BUILTIN: &str = "mprov:";

/// Where a module's files are: what tells one module from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModulePlace {
    /// A folder, relative to the root module's; `.` and `..` are resolved. Empty for the root.
    Folder(PathBuf),
    /// The source, `mprov:moodle/small`.
    Builtin(String),
}

impl ModulePlace {
    pub fn root() -> Self {
        Self::Folder(PathBuf::new())
    }

    /// The place that `source` means in a module of this place.
    ///
    /// # Errors
    /// Advice, for a source that is neither a folder nor built in.
    pub fn join(&self, source: &str) -> Result<Self, String> {
        if let Some(path) = source.strip_prefix(BUILTIN) {
            return match normal(Path::new(""), path)
                .filter(|p| !p.as_os_str().is_empty() && !p.starts_with(".."))
            {
                Some(path) => Ok(Self::Builtin(format!("{BUILTIN}{}", path.display()))),
                None => Err("The name of a built-in module follows the colon: mprov:moodle/small.".into()),
            };
        }
        let is_relative =
            source == "." || source == ".." || source.starts_with("./") || source.starts_with("../");
        if !is_relative {
            return Err(foreign(source));
        }
        match self {
            Self::Folder(dir) => match normal(dir, source) {
                Some(path) => Ok(Self::Folder(path)),
                None => Err("Write the path with slashes, relative to this folder.".into()),
            },
            Self::Builtin(own) => match normal(Path::new(&own[BUILTIN.len()..]), source) {
                Some(path) if !path.starts_with("..") => {
                    Ok(Self::Builtin(format!("{BUILTIN}{}", path.display())))
                }
                _ => Err("A built-in module can only call built-in modules.".into()),
            },
        }
    }

    /// What stands before the names of its files in the table of sources.
    pub fn prefix(&self) -> &Path {
        match self {
            Self::Folder(dir) => dir,
            Self::Builtin(source) => Path::new(source),
        }
    }

    /// What `path.module` says in it.
    pub fn path_module(&self) -> PathBuf {
        match self {
            Self::Folder(dir) if dir.as_os_str().is_empty() => PathBuf::from("."),
            place => place.prefix().to_owned(),
        }
    }
}

impl fmt::Display for ModulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path_module().display())
    }
}

/// The path with `.` and `..` resolved by their text alone; leading `..` stay. None where the second
/// is not relative.
fn normal(base: &Path, path: &str) -> Option<PathBuf> {
    let mut result = base.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => result.push(name),
            Component::ParentDir => {
                let leaves = result.file_name().is_none();
                if leaves {
                    result.push("..");
                } else {
                    result.pop();
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(result)
}

fn foreign(source: &str) -> String {
    if source.starts_with('/') {
        return "Write the path relative to this folder, beginning with ./ or ../: a configuration has \
            to work \
                wherever it is checked out."
            .into();
    }
    if source.contains("::") || source.contains("//") || source.starts_with("git@") {
        return "mprov reads modules from folders and brings its own along. Keep the module in your \
            repository, as a \
                submodule if it has one of its own, and name its folder: source = \"./modules/site\"."
            .into();
    }
    format!(
        "A folder begins with ./ or ../, as in \"./{source}\"; a module of mprov's own with mprov:, as in \
         \"mprov:moodle/small\". There is no registry."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, source: &str) -> Option<String> {
        let place = match base.strip_prefix("mprov:") {
            Some(_) => ModulePlace::Builtin(base.into()),
            None => ModulePlace::Folder(base.into()),
        };
        place.join(source).ok().map(|p| p.to_string())
    }

    #[test]
    fn sources_are_relative_to_the_calling_module() {
        assert_eq!(join("", "./modules/web").as_deref(), Some("modules/web"));
        assert_eq!(join("modules/web", "../db").as_deref(), Some("modules/db"));
        assert_eq!(join("modules", "../../shared").as_deref(), Some("../shared"));
        assert_eq!(join("../a", "../../b").as_deref(), Some("../../b"));
        assert_eq!(join("a", "..").as_deref(), Some("."));
        assert_eq!(join("mprov:moodle/small", "../common").as_deref(), Some("mprov:moodle/common"));
        assert_eq!(join("x", "mprov:moodle/small").as_deref(), Some("mprov:moodle/small"));
    }

    #[test]
    fn other_sources_are_refused() {
        for source in ["web", "/abs", "git::https://example.org/x", "mprov:", "mprov:../x", "https://x//y"] {
            assert_eq!(join("", source), None, "{source}");
        }
        assert_eq!(join("mprov:moodle/small", "../../../x"), None);
    }
}
