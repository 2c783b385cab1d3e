use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type, Value};
use sha2::{Digest, Sha256};

use super::mounting::hidden_or_gone;
use crate::connection::{Connection, EntryKind, NewFile, Stat};
use crate::fault::{cannot, io_fault};
use crate::mark::ATTRIBUTE;
use crate::path::{absolute, manageable, pending};
use crate::{ownership, parents, refused};

/// Of a file that somebody else has made larger than this, only the hash is looked at.
const CONTENT_LIMIT: u64 = 16 * 1024 * 1024;
/// Observed as the hash where something that is no file has taken its place.
const NOT_A_FILE: &str = "not a file";

/// `host_file`: a file with a given content.
///
/// It is written under a hidden name and renamed: readers see the old content or the new one. A
/// content that was edited by hand is drift. What was there before is refused, or with `overwrite`
/// replaced. Missing parent folders are treated as those of `host_directory`.
pub struct HostFile(pub Arc<dyn Connection>);

pub fn schema() -> Schema {
    let mut schema = Schema::new(
        "host_file",
        "A file on the machine.",
        [
            (
                "path",
                Attribute::required(Type::String, "Absolute, or relative to the root module.").replaces(),
            ),
            ("content", Attribute::optional(Type::String, "The text. A sensitive one makes the mode 0600.")),
            (
                "source",
                Attribute::optional(
                    Type::String,
                    "A file on the machine that mprov runs on, instead of content.",
                ),
            ),
            (
                "overwrite",
                Attribute::optional(Type::Bool, "Replace a file that is there and not ours.").default(false),
            ),
            (
                "content_hash",
                Attribute::computed(Type::String, "SHA-256 of the content in hexadecimal.")
                    .recomputed_by(["content", "source"]),
            ),
            ("absolute_path", Attribute::computed(Type::String, "The path on the machine.")),
            (
                "parents",
                Attribute::computed(Type::list(Type::String), "Parent folders that were made for it."),
            ),
        ],
    );
    schema.attributes.extend(ownership::attributes().map(|(name, a)| (name.into(), a)));
    schema
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = ownership::validate(config);
    let (content, source) = (&config["content"], &config["source"]);
    if content.is_null() && source.is_null() {
        found.push(refused("content", "the file has neither content nor source", "Give one of them."));
    }
    if !content.is_null() && !source.is_null() {
        found.push(refused("source", "the file has both content and source", "Give only one of them."));
    }
    found
}

#[async_trait]
impl Resource for HostFile {
    async fn prepare(&self, call: &Call, mut config: Object) -> Result<Object, Fault> {
        let secret = config["content"].contains_sensitive();
        ownership::or_mode(&mut config, if secret { "0600" } else { "0644" });
        if let Some(content) = config["content"].as_str() {
            let hash = Value::from(hash(content.as_bytes())).with_sensitivity(secret);
            config.set("content_hash", hash);
        } else if let Some(source) = config["source"].as_str() {
            let hash = hash(&read_source(&call.base_dir, source).await?);
            config.set("content_hash", hash);
        }
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        let Some(stat) = self.0.stat(&path).await.map_err(cannot("look at", &path))? else {
            return hidden_or_gone(self.0.as_ref(), &path, stored).await;
        };
        self.observed(&path, &stat, stored.clone()).await.map(Some)
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let bytes = content(call, planned).await?;
        let wanted = ownership::wanted(connection, planned).await?;
        let overwrite = planned.opt_bool("overwrite")? == Some(true);
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        if there.as_ref().is_some_and(|s| s.kind == EntryKind::Directory) {
            return Err(io_fault("write", &path, &ErrorKind::IsADirectory.into()));
        }
        if there.is_some() && !overwrite {
            return Err(taken(&path));
        }
        let made = parents::make(connection, &path, &call.token).await?;
        let new = NewFile {
            path: &path,
            pending: &pending(&path),
            content: &bytes,
            mode: wanted.mode.unwrap_or_else(|| usual_mode(planned)),
            uid: wanted.uid,
            gid: wanted.gid,
            replace: overwrite,
            mark: Some((ATTRIBUTE, &call.token)),
        };
        if let Err(error) = connection.write(new).await {
            // Nothing is there: neither are the folders that were made for it.
            parents::remove(connection, &path, &made).await?;
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => taken(&path),
                _ => io_fault("write", &path, &error),
            });
        }
        self.written(&path, planned, &made).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let wanted = ownership::wanted(connection, planned).await?;
        let same = planned["content_hash"].as_str().is_some()
            && planned["content_hash"].same(&prior["content_hash"]);
        if same {
            ownership::set(connection, &path, wanted).await?;
        } else {
            let bytes = content(call, planned).await?;
            let new = NewFile {
                path: &path,
                pending: &pending(&path),
                content: &bytes,
                mode: wanted.mode.unwrap_or_else(|| usual_mode(planned)),
                uid: wanted.uid,
                gid: wanted.gid,
                replace: true,
                mark: None,
            };
            connection.write(new).await.map_err(cannot("write", &path))?;
        }
        self.written(&path, planned, &prior.strings("parents")?).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let new = pending(&path);
        for file in [&new, &path] {
            self.0.remove_file(file).await.map_err(cannot("remove", file))?;
        }
        parents::remove(self.0.as_ref(), &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let made = parents::find(connection, &path, &call.token).await?;
        let new = pending(&path);
        connection.remove_file(&new).await.map_err(cannot("remove", &new))?;
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        if there.is_none_or(|s| s.kind != EntryKind::File) {
            return Ok(None);
        }
        let ours = match connection.attribute(&path, ATTRIBUTE).await {
            Ok(token) => token.as_deref() == Some(&*call.token),
            // Without extended attributes the content has to tell.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let now = connection.hash(&path).await.map_err(cannot("read", &path))?;
                now == Some(hash(&content(call, planned).await?))
            }
            Err(error) => return Err(io_fault("read the mark of", &path, &error)),
        };
        match ours {
            true => self.written(&path, planned, &made).await.map(Some),
            false => Ok(None),
        }
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let stat = self.0.stat(&path).await.map_err(cannot("look at", &path))?;
        let Some(stat) = stat.filter(|s| s.kind == EntryKind::File) else {
            return Err(Fault::new(format!("{path} is not a file")));
        };
        // The content is compared, as a secret until the configuration says that it is none.
        let known = Object::new()
            .with("path", id)
            .with("content", Value::from("").sensitive())
            .with("overwrite", false)
            .with("parents", parents::value(&[]));
        self.observed(&path, &stat, known).await
    }
}

impl HostFile {
    async fn written(&self, path: &str, planned: &Object, made: &[String]) -> Result<Object, Fault> {
        let stat = self.0.stat(path).await.map_err(cannot("look at", path))?;
        let Some(stat) = stat else {
            return Err(Fault::new(format!("{path} vanished while it was written"))
                .detail("Something else removes files there."));
        };
        let known = planned.clone().with("parents", parents::value(made));
        self.observed(path, &stat, known).await
    }

    async fn observed(&self, path: &str, stat: &Stat, known: Object) -> Result<Object, Fault> {
        let secret = known["content"].contains_sensitive();
        let mark = |text: String| Value::from(text).with_sensitivity(secret);
        let mut observed = known.clone().with("absolute_path", path);
        ownership::observe(self.0.as_ref(), stat, &known, &mut observed).await?;
        if stat.kind != EntryKind::File {
            observed.set("content_hash", mark(NOT_A_FILE.to_owned()));
            return Ok(observed);
        }
        if known["content"].is_null() || stat.size > CONTENT_LIMIT {
            let now = self.0.hash(path).await.map_err(cannot("read", path))?;
            observed.set("content_hash", mark(now.unwrap_or_default()));
            return Ok(observed);
        }
        let bytes = self.0.read(path).await.map_err(cannot("read", path))?.unwrap_or_default();
        observed.set("content_hash", mark(hash(&bytes)));
        if let Ok(text) = String::from_utf8(bytes)
            && known["content"].as_str() != Some(&text)
        {
            observed.set("content", mark(text));
        }
        Ok(observed)
    }
}

/// The bytes to write.
///
/// # Errors
/// The source is not what the plan saw.
async fn content(call: &Call, planned: &Object) -> Result<Vec<u8>, Fault> {
    let Some(source) = planned.opt_str("source")? else {
        return Ok(planned.str("content")?.as_bytes().to_vec());
    };
    let bytes = read_source(&call.base_dir, source).await?;
    match planned["content_hash"].as_str() {
        Some(hash) if hash != self::hash(&bytes) => {
            Err(Fault::new(format!("the source file {source} changed since the plan"))
                .detail("Plan again, so that what is written is what you have seen."))
        }
        _ => Ok(bytes),
    }
}

async fn read_source(base: &Path, source: &str) -> Result<Vec<u8>, Fault> {
    let path = absolute(base, source)?;
    tokio::fs::read(&path).await.map_err(cannot("read the source file", &path))
}

fn usual_mode(planned: &Object) -> u32 {
    if planned["content"].contains_sensitive() { 0o600 } else { 0o644 }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn taken(path: &str) -> Fault {
    Fault::new(format!("{path} is there already, and mprov did not make it"))
        .detail("Move it away, choose another path, or set overwrite = true to replace it.")
}
