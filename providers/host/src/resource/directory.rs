use std::io::ErrorKind;
use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Object, Resource, Schema, Type};

use super::mounting::hidden_or_gone;
use crate::connection::{Connection, EntryKind};
use crate::fault::{cannot, io_fault};
use crate::mark::{self, Mark};
use crate::path::{beside, manageable, pending};
use crate::{ownership, parents};

/// `host_directory`: a directory.
///
/// Missing parent folders are made with mode 0755 and recorded; a destroy removes those that
/// mprov has made and that are empty. One that is there already is refused, or with `adopt` taken
/// over and never removed. It is made under a hidden name and renamed, and removed under another
/// one, so a kill leaves nothing that looks finished and nothing that looks whole.
pub struct HostDirectory(pub Arc<dyn Connection>);

pub fn schema() -> Schema {
    let mut schema = Schema::new(
        "host_directory",
        "A directory on the machine.",
        [
            (
                "path",
                Attribute::required(Type::String, "Absolute, or relative to the root module.").replaces(),
            ),
            (
                "force_destroy",
                Attribute::optional(Type::Bool, "A destroy removes it with everything in it.").default(false),
            ),
            (
                "adopt",
                Attribute::optional(Type::Bool, "Take over one that is there; a destroy leaves it.")
                    .default(false),
            ),
            ("adopted", Attribute::computed(Type::Bool, "It was there already.")),
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

#[async_trait]
impl Resource for HostDirectory {
    async fn prepare(&self, _: &Call, mut config: Object) -> Result<Object, Fault> {
        if config["adopt"].as_bool() == Some(false) {
            ownership::or_mode(&mut config, "0755");
        }
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let path = manageable(&call.base_dir, stored.str("path")?)?;
        let stat = self.0.stat(&path).await.map_err(cannot("look at", &path))?;
        let Some(stat) = stat.filter(|s| s.kind == EntryKind::Directory) else {
            return hidden_or_gone(self.0.as_ref(), &path, stored).await;
        };
        let mut observed = stored.clone();
        ownership::observe(self.0.as_ref(), &stat, stored, &mut observed).await?;
        Ok(Some(observed))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let wanted = ownership::wanted(connection, planned).await?;
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        let mut made = Vec::new();
        let adopted = match there.map(|s| s.kind) {
            None => {
                made = parents::make(connection, &path, &call.token).await?;
                make(connection, &path, &call.token, wanted.mode.unwrap_or(0o755)).await?;
                false
            }
            // A folder that another instance needed on its way: ours already.
            Some(EntryKind::Directory) if self.is_parent(&path).await? => {
                mark::set(connection, &path, &path, &Mark::Made(call.token.to_string())).await?;
                false
            }
            Some(EntryKind::Directory) if planned.opt_bool("adopt")? == Some(true) => true,
            Some(_) => {
                return Err(Fault::new(format!("{path} is there already, and mprov did not make it"))
                    .detail(
                        "Move it away, choose another path, or take over a directory with adopt = true.",
                    ));
            }
        };
        let result = planned.clone().with("adopted", adopted);
        self.finish(&path, wanted, result, &made).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        let wanted = ownership::wanted(self.0.as_ref(), planned).await?;
        ownership::set(self.0.as_ref(), &path, wanted).await?;
        self.observed(&path, planned.clone()).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, prior.str("path")?)?;
        if prior.opt_bool("adopted")? != Some(true) {
            self.remove(&path, prior.opt_bool("force_destroy")? == Some(true)).await?;
            mark::clear(connection, &path).await?;
        }
        parents::remove(connection, &path, &prior.strings("parents")?).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let connection = self.0.as_ref();
        let path = manageable(&call.base_dir, planned.str("path")?)?;
        let made = parents::find(connection, &path, &call.token).await?;
        let new = pending(&path);
        connection.remove_dir(&new).await.or_else(in_the_way).map_err(cannot("remove", &new))?;
        let there = connection.stat(&path).await.map_err(cannot("look at", &path))?;
        if there.is_none_or(|s| s.kind != EntryKind::Directory) {
            return Ok(None);
        }
        if mark::get(connection, &path).await? != Some(Mark::Made(call.token.to_string())) {
            return Ok(None);
        }
        // Killed between the rename and the change of the owner: that is repeated.
        let wanted = ownership::wanted(connection, planned).await?;
        self.finish(&path, wanted, planned.clone().with("adopted", false), &made).await.map(Some)
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let path = manageable(&call.base_dir, id)?;
        let stat = self.0.stat(&path).await.map_err(cannot("look at", &path))?;
        if stat.is_none_or(|s| s.kind != EntryKind::Directory) {
            return Err(Fault::new(format!("{path} is not a directory")));
        }
        let known = Object::new()
            .with("path", id)
            .with("force_destroy", false)
            .with("adopt", false)
            .with("adopted", false)
            .with("parents", parents::value(&[]));
        self.observed(&path, known).await
    }
}

impl HostDirectory {
    async fn is_parent(&self, path: &str) -> Result<bool, Fault> {
        Ok(matches!(mark::get(self.0.as_ref(), path).await?, Some(Mark::Parent(_))))
    }

    /// Sets owner and mode; what was made is recorded whatever happens.
    async fn finish(
        &self,
        path: &str,
        wanted: ownership::Ownership,
        result: Object,
        made: &[String],
    ) -> Result<Object, Fault> {
        let result = result.with("absolute_path", path).with("parents", parents::value(made));
        match ownership::set(self.0.as_ref(), path, wanted).await {
            Ok(()) => self.observed(path, result).await,
            Err(fault) => Err(fault.unfinished(self.observed(path, result).await?)),
        }
    }

    async fn observed(&self, path: &str, mut known: Object) -> Result<Object, Fault> {
        known.set("absolute_path", path);
        let stat = self.0.stat(path).await.map_err(cannot("look at", path))?;
        if let Some(stat) = stat {
            let before = known.clone();
            ownership::observe(self.0.as_ref(), &stat, &before, &mut known).await?;
        }
        Ok(known)
    }

    async fn remove(&self, path: &str, with_content: bool) -> Result<(), Fault> {
        let connection = self.0.as_ref();
        let going = beside(path, "mprov-gone");
        connection.remove_tree(&going).await.map_err(cannot("remove", &going))?;
        let Some(stat) = connection.stat(path).await.map_err(cannot("look at", path))? else { return Ok(()) };
        if stat.kind != EntryKind::Directory {
            return Err(Fault::new(format!("{path} is not a directory any more"))
                .detail("Somebody replaced it. Remove what is there by hand, then destroy again."));
        }
        if !with_content {
            let Err(error) = connection.remove_dir(path).await else { return Ok(()) };
            if error.kind() != ErrorKind::DirectoryNotEmpty {
                return Err(io_fault("remove the directory", path, &error));
            }
            let names = connection.list(path, 5).await.map_err(cannot("list", path))?;
            return Err(Fault::new(format!("{path} is not empty")).detail(format!(
                "In it: {}. Remove that, or set force_destroy = true and apply before you destroy.",
                names.join(", ")
            )));
        }
        refuse_mounts(connection, path).await?;
        // With half of its content it must not be found under its name: it would pass for whole.
        connection.rename(path, &going).await.map_err(cannot("remove", path))?;
        connection.remove_tree(&going).await.map_err(cannot("remove", path))
    }
}

/// Makes an empty directory that carries its mark from the moment it has its name.
pub async fn make(connection: &dyn Connection, path: &str, token: &str, mode: u32) -> Result<(), Fault> {
    let new = pending(path);
    connection.remove_dir(&new).await.map_err(cannot("remove", &new))?;
    connection.make_dir(&new, mode).await.map_err(cannot("make the directory", path))?;
    mark::set(connection, &new, path, &Mark::Made(token.to_owned())).await?;
    connection.rename(&new, path).await.map_err(cannot("make the directory", path))
}

/// What is mounted below a directory belongs to somebody else: it must not be emptied with it.
pub async fn refuse_mounts(connection: &dyn Connection, path: &str) -> Result<(), Fault> {
    let mounts = connection.mounts_in(path).await.map_err(cannot("look for mounts in", path))?;
    match mounts.is_empty() {
        true => Ok(()),
        false => {
            let points: Vec<&str> = mounts.iter().map(|mount| mount.point.as_str()).collect();
            Err(Fault::new(format!("{path} cannot be removed: something is mounted in it")).detail(format!(
                "Unmount {} first; what is mounted there would be emptied.",
                points.join(", ")
            )))
        }
    }
}

/// A folder on the way that does not exist holds nothing to remove.
fn in_the_way(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::NotADirectory => Ok(()),
        _ => Err(error),
    }
}
