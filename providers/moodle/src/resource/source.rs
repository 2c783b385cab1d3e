use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type};

use crate::source::archive::{top, unpack};
use crate::source::cache::{Cache, Entered};
use crate::source::download::{Place, fetch};
use crate::source::git::{Commit, export};
use crate::source::tree::{Tree, clean};
use crate::validation::{refuse, require};

pub const KIND: &str = "moodle_source";

/// What decides on the tree: with a change of one of these, everything computed is another.
const ORIGIN: [&str; 7] = ["folder", "archive", "sha256", "git", "ref", "commit", "cache_dir"];
const DEFAULT_CACHE: &str = ".mprov/sources";

pub fn schema() -> Schema {
    let computed = |description| Attribute::computed(Type::String, description).recomputed_by(ORIGIN);
    Schema::new(
        KIND,
        "Moodle's source tree, on the machine that mprov runs on: a folder, a release archive or a commit. Its path \
         is fit to be the context of an image: without a config.php and without history.",
        [
            ("folder", Attribute::optional(Type::String, "A folder that holds the tree; used where it is.")),
            (
                "archive",
                Attribute::optional(
                    Type::String,
                    "A .tgz, .tar.gz or .tar of a release: a path, file:// or http(s):// address.",
                ),
            ),
            ("sha256", Attribute::optional(Type::String, "SHA-256 of the archive, in hexadecimal.")),
            ("git", Attribute::optional(Type::String, "Address or path of a git repository.")),
            (
                "ref",
                Attribute::optional(
                    Type::String,
                    "Tag or branch that is at the commit; needed where the server does not give out single commits.",
                ),
            ),
            ("commit", Attribute::optional(Type::String, "Full hash of the commit.")),
            (
                "cache_dir",
                Attribute::optional(
                    Type::String,
                    "Where trees of archives and commits are kept, by their hash. Default: .mprov/sources in the \
                     root module.",
                ),
            ),
            ("path", computed("Absolute path of the tree.")),
            ("release", computed("E.g. \"5.0.6+ (Build: 20260403)\".")),
            ("version", computed("The exact version, a decimal number, e.g. \"2025041406.11\".")),
            ("branch", computed("E.g. \"500\".")),
            ("maturity", computed("\"alpha\", \"beta\", \"rc\" or \"stable\".")),
            (
                "docroot",
                computed("The folder of the tree that is served: \"\", or \"public\" from Moodle 5.1 on."),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let given = |name: &str| !config[name].is_null();
    let origins: Vec<&str> = ["folder", "archive", "git"].into_iter().filter(|n| given(n)).collect();
    if origins.len() != 1 {
        let detail =
            "Give exactly one of \"folder\", \"archive\" (with \"sha256\") and \"git\" (with \"commit\").";
        let summary = match origins.len() {
            0 => "no origin of the source is given",
            _ => "more than one origin of the source is given",
        };
        found.push(refuse(origins.last().unwrap_or(&"folder"), summary, detail));
    }
    for (name, of, needed) in [("sha256", "archive", true), ("commit", "git", true), ("ref", "git", false)] {
        if given(name) && !given(of) {
            found.push(refuse(
                name,
                format!("\"{name}\" belongs to \"{of}\""),
                format!("Leave out \"{name}\"."),
            ));
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
    let tar = |v: &str| !v.ends_with(".zip");
    require(
        &mut found,
        config,
        "archive",
        tar,
        "not an archive that can be used",
        "Give the .tgz of the release.",
    );
    let plain = |v: &str| !v.is_empty() && !v.starts_with('-');
    for name in ["git", "ref", "folder", "archive"] {
        require(&mut found, config, name, plain, "not usable", "It is empty or looks like an option.");
    }
    found
}

pub struct SourceResource;

#[async_trait]
impl Resource for SourceResource {
    /// What is at hand already is known in the plan.
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        if ORIGIN.iter().any(|name| config[name].is_unknown()) {
            return Ok(config);
        }
        match Origin::of(call, &config)? {
            Origin::Folder(folder) => Ok(Tree::read_clean(&folder)?.describe(config, &folder)),
            Origin::Kept { cache, key } if cache.holds(&key) => {
                let path = cache.tree(&key);
                Ok(Tree::read(&path)?.describe(config, &path))
            }
            Origin::Kept { .. } => Ok(config),
        }
    }

    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = PathBuf::from(stored.str("path")?);
        // A folder that is gone or is none of Moodle's any more is told by `prepare`.
        Ok(Tree::read(&path).ok().map(|tree| tree.describe(stored.clone(), &path)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        match Origin::of(call, planned)? {
            Origin::Folder(folder) => Ok(Tree::read_clean(&folder)?.describe(planned.clone(), &folder)),
            Origin::Kept { cache, key } => {
                let path = obtain(call, planned, &cache, &key).await?;
                Ok(Tree::read(&path)?.describe(planned.clone(), &path))
            }
        }
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let new = self.create(call, planned).await?;
        if prior["path"] != new["path"] {
            self.delete(call, prior).await?;
        }
        Ok(new)
    }

    /// A folder was there before; what was fetched goes.
    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let Origin::Kept { cache, key } = Origin::of(call, prior)? else { return Ok(()) };
        if !cache.holds(&key) {
            return Ok(());
        }
        enter(&cache).await?.forget(&key)
    }

    /// None: a create takes what is in the cache.
    async fn find(&self, _call: &Call, _planned: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

/// Where the tree comes from, and so where it lies.
enum Origin {
    Folder(PathBuf),
    Kept { cache: Cache, key: String },
}

impl Origin {
    fn of(call: &Call, object: &Object) -> Result<Self, Fault> {
        if let Some(folder) = object.opt_str("folder")? {
            return Ok(Self::Folder(absolute(&call.base_dir, folder)));
        }
        let key = match object.opt_str("archive")? {
            Some(_) => object.str("sha256")?,
            None => object.str("commit")?,
        };
        let cache = absolute(&call.base_dir, object.opt_str("cache_dir")?.unwrap_or(DEFAULT_CACHE));
        Ok(Self::Kept { cache: Cache::new(cache), key: key.to_lowercase() })
    }
}

/// The path without `.` and `..`, so that the same folder is the same text from everywhere.
fn absolute(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    joined.canonicalize().unwrap_or_else(|_| std::path::absolute(&joined).unwrap_or(joined))
}

async fn obtain(call: &Call, planned: &Object, cache: &Cache, key: &str) -> Result<PathBuf, Fault> {
    let entered = enter(cache).await?;
    if cache.holds(key) {
        return Ok(cache.tree(key));
    }
    let made = match planned.opt_str("archive")? {
        Some(archive) => from_archive(call, archive, key, &entered).await?,
        None => from_git(call, planned, &entered).await?,
    };
    let checked = made.clone();
    blocking(move || {
        let fault =
            |e: std::io::Error| Fault::new("the source tree cannot be made ready").detail(e.to_string());
        clean(&checked).map_err(fault)?;
        Tree::read(&checked)
    })
    .await?;
    let kept = key.to_owned();
    blocking(move || entered.keep(&made, &kept)).await?;
    Ok(cache.tree(key))
}

async fn from_archive(call: &Call, archive: &str, key: &str, entered: &Entered) -> Result<PathBuf, Fault> {
    let file = entered.workshop().join("archive");
    fetch(call, &Place::of(archive, &call.base_dir), key, &file).await?;
    call.events.progress("Unpacking");
    let into = entered.workshop().join("tree");
    blocking(move || {
        let fault = |e: std::io::Error| Fault::new("the archive cannot be unpacked").detail(e.to_string());
        fs::create_dir(&into).map_err(fault)?;
        unpack(&file, &into)?;
        top(&into).map_err(fault)
    })
    .await
}

async fn from_git(call: &Call, planned: &Object, entered: &Entered) -> Result<PathBuf, Fault> {
    let repository = planned.str("git")?;
    // A repository on this machine may be named relative to the configuration.
    let local = call.base_dir.join(repository);
    let repository = match !repository.contains("://") && local.exists() {
        true => absolute(&call.base_dir, repository).to_string_lossy().into_owned(),
        false => repository.to_owned(),
    };
    let what = Commit {
        repository: &repository,
        reference: planned.opt_str("ref")?,
        commit: planned.str("commit")?,
    };
    let tree = entered.workshop().join("tree");
    export(call, &what, &entered.workshop().join("repository"), &tree).await?;
    Ok(tree)
}

async fn enter(cache: &Cache) -> Result<Entered, Fault> {
    let cache = cache.clone();
    blocking(move || cache.enter()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

#[cfg(test)]
mod tests;
