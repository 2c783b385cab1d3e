use std::path::{Path, PathBuf};

use mprov_sdk::Diagnostics;

use super::files::{Disk, EXTENSION, FileSource, Kept, ModuleSources};
use super::loader::Loader;
use crate::config::{Configuration, Sources};

/// The configuration of a folder, with all modules that it calls, and what is wrong with it.
///
/// With errors the configuration is what could be understood: enough to find further errors in it,
/// not to plan with. There is none where the folder holds no configuration at all. The sources are
/// those of the configuration; diagnostics point into them.
pub fn load(dir: &Path, modules: &dyn ModuleSources) -> (Option<Configuration>, Sources, Diagnostics) {
    load_from(&Disk { root: dir, modules }, dir)
}

/// The same from the texts that `snapshot` kept: neither disk nor built-in modules are looked at.
pub fn load_snapshot(files: &[(PathBuf, String)]) -> (Option<Configuration>, Sources, Diagnostics) {
    load_from(&Kept::new(files.iter().cloned()), Path::new("of the plan"))
}

/// The texts of all modules, by their names relative to the root's folder: what a saved plan keeps
/// of the configuration. Values of variables are not among them.
pub fn snapshot(sources: &Sources) -> Vec<(PathBuf, String)> {
    let is_module = |name: &Path| name.to_string_lossy().ends_with(EXTENSION);
    let files = sources.iter().map(|(_, file)| file).filter(|file| !file.secret && is_module(&file.name));
    files.map(|file| (file.name.clone(), file.text.to_string())).collect()
}

fn load_from(files: &dyn FileSource, root_name: &Path) -> (Option<Configuration>, Sources, Diagnostics) {
    let mut loader = Loader::new(files, root_name);
    let root = loader.root();
    let Loader { sources, diagnostics, .. } = loader;
    let configuration = root.map(|root| Configuration { sources: sources.clone(), root });
    (configuration, sources, diagnostics.sorted())
}
