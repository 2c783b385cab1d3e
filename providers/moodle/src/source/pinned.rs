use std::fs;
use std::path::{Path, PathBuf};

use mprov_sdk::{Call, Diagnostics, Fault, Object};

use super::archive::{top, unpack};
use super::download::{Place, fetch};
use super::git::{Commit, export};
use crate::validation::{refuse, require};

/// Code that is named so exactly that it cannot become other code: an archive by its hash, or a
/// commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    Archive { archive: String, sha256: String },
    Commit { repository: String, reference: Option<String>, commit: String },
}

impl Pinned {
    /// From "archive" with "sha256", or "git" with "commit" and perhaps "ref"; none where neither
    /// is given.
    pub fn of(object: &Object) -> Result<Option<Self>, Fault> {
        let text = |name: &str| object.opt_str(name).map(|v| v.map(str::to_owned));
        if let Some(archive) = text("archive")? {
            return Ok(Some(Self::Archive { archive, sha256: object.str("sha256")?.to_lowercase() }));
        }
        let Some(repository) = text("git")? else { return Ok(None) };
        let commit = object.str("commit")?.to_lowercase();
        Ok(Some(Self::Commit { repository, reference: text("ref")?, commit }))
    }

    /// The same for the same code, wherever it comes from.
    pub fn key(&self) -> &str {
        match self {
            Self::Archive { sha256, .. } => sha256,
            Self::Commit { commit, .. } => commit,
        }
    }

    /// Writes the code below `workshop`, an empty folder or one that is made; the folder that it
    /// lies in. Stops in the middle when asked to.
    pub async fn obtain(&self, call: &Call, workshop: &Path) -> Result<PathBuf, Fault> {
        let fault = |e: std::io::Error| Fault::new("the code cannot be made ready").detail(format!("{e}."));
        fs::create_dir_all(workshop).map_err(fault)?;
        let tree = workshop.join("tree");
        match self {
            Self::Archive { archive, sha256 } => {
                let file = workshop.join("archive");
                fetch(call, &Place::of(archive, &call.base_dir), sha256, &file).await?;
                call.events.progress("Unpacking");
                blocking(move || {
                    fs::create_dir(&tree).map_err(fault)?;
                    unpack(&file, &tree)?;
                    top(&tree).map_err(fault)
                })
                .await
            }
            Self::Commit { repository, reference, commit } => {
                // A repository on this machine may be named relative to the configuration.
                let local = call.base_dir.join(repository);
                let repository = match !repository.contains("://") && local.exists() {
                    true => absolute(&call.base_dir, repository).to_string_lossy().into_owned(),
                    false => repository.to_owned(),
                };
                let what = Commit { repository: &repository, reference: reference.as_deref(), commit };
                export(call, &what, &workshop.join("repository"), &tree).await?;
                Ok(tree)
            }
        }
    }
}

/// The path without `.` and `..`, so that the same folder is the same text from everywhere.
pub fn absolute(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    joined.canonicalize().unwrap_or_else(|_| std::path::absolute(&joined).unwrap_or(joined))
}

pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// What is wrong with the way in which code is named.
pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let given = |name: &str| !config[name].is_null();
    for (name, of, needed) in [("sha256", "archive", true), ("commit", "git", true), ("ref", "git", false)] {
        if given(name) && !given(of) {
            let detail = format!("Leave out \"{name}\".");
            found.push(refuse(name, format!("\"{name}\" belongs to \"{of}\""), detail));
        }
        if needed && given(of) && !given(name) {
            let detail = "Without it nobody knows tomorrow what was installed today.";
            found.push(refuse(of, format!("\"{of}\" needs \"{name}\""), detail));
        }
    }
    let hex =
        |v: &str, lengths: &[usize]| lengths.contains(&v.len()) && v.chars().all(|c| c.is_ascii_hexdigit());
    let detail = "It has 64 hexadecimal digits: `sha256sum FILE` prints it.";
    require(&mut found, config, "sha256", |v| hex(v, &[64]), "not a SHA-256", detail);
    let detail = "Give the full hash, as `git rev-parse TAG^{commit}` prints it.";
    require(&mut found, config, "commit", |v| hex(v, &[40, 64]), "not a commit", detail);
    for name in ["git", "ref", "archive"] {
        require(&mut found, config, name, is_plain, "not usable", NOT_PLAIN);
    }
    found
}

/// What a path or address must be, as it is handed to other programs.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-')
}

pub const NOT_PLAIN: &str = "It is empty or looks like an option.";
