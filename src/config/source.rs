use std::path::{Path, PathBuf};
use std::sync::Arc;

use mprov_sdk::SourceId;

/// One text that was loaded. Spans are byte offsets into `text` (a byte order mark is not part of it).
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As shown to the user: relative to the root module's folder where it lies below it.
    pub name: PathBuf,
    pub text: Arc<str>,
    /// Holds values of variables: its text is never shown.
    pub secret: bool,
}

/// All texts of one command, by id. What a saved plan keeps of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<SourceFile>);

impl Sources {
    pub fn add(&mut self, name: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(SourceFile { name: name.into(), text: text.into(), secret: false })
    }

    /// Adds a text whose content diagnostics may point at but not show.
    pub fn add_secret(&mut self, name: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(SourceFile { name: name.into(), text: text.into(), secret: true })
    }

    fn push(&mut self, file: SourceFile) -> SourceId {
        let id = SourceId(u32::try_from(self.0.len()).expect("fewer files than u32 can count"));
        self.0.push(file);
        id
    }

    pub fn get(&self, id: SourceId) -> &SourceFile {
        &self.0[id.0 as usize]
    }

    pub fn by_name(&self, name: &Path) -> Option<&SourceFile> {
        self.0.iter().find(|f| f.name == name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        self.0.iter().enumerate().map(|(i, f)| (SourceId(i as u32), f))
    }
}
