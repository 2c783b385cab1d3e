use std::path::PathBuf;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type};
use sha2::{Digest, Sha256};

use crate::source::addition::{self, Addition};
use crate::source::cache::{Cache, Entered};
use crate::source::pinned::{self, Pinned, absolute, blocking};
use crate::source::tree::{Tree, clean};
use crate::validation::{refuse, require};

pub const KIND: &str = "moodle_source";

/// What decides on the tree: with a change of one of these, everything computed is another.
const ORIGIN: [&str; 8] = ["folder", "archive", "sha256", "git", "ref", "commit", "plugin", "cache_dir"];
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
                    "A .tgz, .tar.gz, .tar or .zip of a release: a path, file:// or http(s):// address.",
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
            ("plugin", addition::blocks()),
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
    found.extend(pinned::validate(config));
    require(&mut found, config, "folder", pinned::is_plain, "not usable", pinned::NOT_PLAIN);
    found.extend(addition::validate(config));
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
        let code = code(object)?;
        let additions = Addition::all(object)?;
        let key = match additions.is_empty() {
            true => code.key().to_owned(),
            false => {
                let mut hash = Sha256::new();
                hash.update(code.key());
                for addition in &additions {
                    hash.update(format!("\n{} {}", addition.component, addition.code.key()));
                }
                hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
            }
        };
        let cache = absolute(&call.base_dir, object.opt_str("cache_dir")?.unwrap_or(DEFAULT_CACHE));
        Ok(Self::Kept { cache: Cache::new(cache), key })
    }
}

fn code(object: &Object) -> Result<Pinned, Fault> {
    Pinned::of(object)?.ok_or_else(|| Fault::new("the origin of the source is not known"))
}

async fn obtain(call: &Call, planned: &Object, cache: &Cache, key: &str) -> Result<PathBuf, Fault> {
    let entered = enter(cache).await?;
    if cache.holds(key) {
        return Ok(cache.tree(key));
    }
    let made = code(planned)?.obtain(call, &entered.workshop()).await?;
    for (number, addition) in Addition::all(planned)?.iter().enumerate() {
        addition.add(call, &made, &entered.workshop().join(format!("plugin-{number}"))).await?;
    }
    let kept = key.to_owned();
    blocking(move || {
        let fault =
            |e: std::io::Error| Fault::new("the source tree cannot be made ready").detail(e.to_string());
        clean(&made).map_err(fault)?;
        Tree::read(&made)?;
        entered.keep(&made, &kept)
    })
    .await?;
    Ok(cache.tree(key))
}

async fn enter(cache: &Cache) -> Result<Entered, Fault> {
    let cache = cache.clone();
    blocking(move || cache.enter()).await
}

#[cfg(test)]
mod tests;
