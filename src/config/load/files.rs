use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use mprov_sdk::Diagnostic;

use super::place::ModulePlace;

/// What the files of a module end with.
pub const EXTENSION: &str = ".mprov.hcl";
/// Bytes that one file may have.
pub const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// The modules that mprov brings along.
pub trait ModuleSources {
    /// Name and text of each file of a built-in module; none where there is no such module.
    /// `source` is as in the call, `mprov:moodle/small`.
    fn builtin(&self, source: &str) -> Option<Vec<(String, String)>>;

    /// The sources of all built-in modules.
    fn available(&self) -> Vec<String>;
}

/// Where the texts of modules come from: the disk, or what a saved plan kept of it.
pub trait FileSource {
    /// All files of a module, sorted by name.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn module(&self, place: &ModulePlace) -> io::Result<Vec<ModuleFile>>;

    /// The built-in modules that there are, for advice.
    fn builtins(&self) -> Vec<String>;
}

/// One file of a module.
#[derive(Debug)]
pub struct ModuleFile {
    pub name: String,
    pub content: Result<Vec<u8>, Unreadable>,
}

#[derive(Debug)]
pub enum Unreadable {
    TooLarge,
    Failed(io::Error),
}

/// The files as they lie in folders, and the built-in modules.
pub struct Disk<'a> {
    pub root: &'a Path,
    pub modules: &'a dyn ModuleSources,
}

/// Texts kept from an earlier load, by the names that they had then.
#[derive(Debug)]
pub struct Kept(BTreeMap<PathBuf, Vec<(String, String)>>);

impl FileSource for Disk<'_> {
    fn module(&self, place: &ModulePlace) -> io::Result<Vec<ModuleFile>> {
        let dir = match place {
            ModulePlace::Folder(dir) => self.root.join(dir),
            ModulePlace::Builtin(source) => {
                let mut files = self.modules.builtin(source).ok_or(io::ErrorKind::NotFound)?;
                files.sort();
                return Ok(files.into_iter().map(ModuleFile::from).collect());
            }
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir)? {
            // A name that is not UTF-8 cannot end with what it has to end with and be shown.
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if name.ends_with(EXTENSION) && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names.into_iter().map(|name| ModuleFile { content: read(&dir.join(&name)), name }).collect())
    }

    fn builtins(&self) -> Vec<String> {
        self.modules.available()
    }
}

/// The content of a regular file of sensible size.
pub fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let file = fs::File::open(path).map_err(Unreadable::Failed)?;
    let metadata = file.metadata().map_err(Unreadable::Failed)?;
    if !metadata.is_file() {
        return Err(Unreadable::Failed(io::Error::other("it is not a regular file")));
    }
    let mut content = Vec::with_capacity(metadata.len().min(FILE_LIMIT) as usize + 1);
    // One byte more than allowed tells a file that has grown since.
    file.take(FILE_LIMIT + 1).read_to_end(&mut content).map_err(Unreadable::Failed)?;
    if content.len() as u64 > FILE_LIMIT { Err(Unreadable::TooLarge) } else { Ok(content) }
}

/// The text of a file without its byte order mark. `name` is the file in messages.
pub fn text(name: &Path, content: Result<Vec<u8>, Unreadable>) -> Result<String, Diagnostic> {
    let unreadable = |code, reason: String, advice: &str| {
        Diagnostic::error(code, format!("{} cannot be read: {reason}", name.display())).detail(advice)
    };
    let content = match content {
        Ok(content) => content,
        Err(Unreadable::TooLarge) => {
            let reason = format!("it is larger than {} MiB", FILE_LIMIT >> 20);
            return Err(unreadable(1009, reason, "Split it, or keep its data in a file for jsondecode()."));
        }
        Err(Unreadable::Failed(error)) => {
            return Err(unreadable(1001, error.to_string(), "Check the file and its permissions."));
        }
    };
    match String::from_utf8(content) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
            Err(unreadable(1002, format!("line {line} is not UTF-8"), "Save the file in the encoding UTF-8."))
        }
    }
}

impl Kept {
    pub fn new(files: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let mut modules: BTreeMap<PathBuf, Vec<(String, String)>> = BTreeMap::new();
        for (path, text) in files {
            let dir = path.parent().unwrap_or(Path::new("")).to_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            modules.entry(dir).or_default().push((name, text));
        }
        modules.values_mut().for_each(|files| files.sort());
        Self(modules)
    }
}

impl FileSource for Kept {
    fn module(&self, place: &ModulePlace) -> io::Result<Vec<ModuleFile>> {
        let files = self.0.get(place.prefix()).ok_or(io::ErrorKind::NotFound)?;
        Ok(files.iter().cloned().map(ModuleFile::from).collect())
    }

    fn builtins(&self) -> Vec<String> {
        Vec::new()
    }
}

impl From<(String, String)> for ModuleFile {
    fn from((name, text): (String, String)) -> Self {
        let fits = text.len() as u64 <= FILE_LIMIT;
        Self { name, content: if fits { Ok(text.into_bytes()) } else { Err(Unreadable::TooLarge) } }
    }
}
