use std::io::ErrorKind;

use mprov_sdk::{Fault, Value};

use crate::connection::{Connection, EntryKind};
use crate::fault::{cannot, io_fault};
use crate::mark::{self, Mark};
use crate::path::{beside, folder, upwards};

/// Makes the folders that are missing on the way to the path, and returns them, the innermost
/// first. Each carries a mark from the moment it has its name.
pub async fn make(connection: &dyn Connection, path: &str, token: &str) -> Result<Vec<String>, Fault> {
    let mut missing = Vec::new();
    for parent in upwards(folder(path)) {
        match connection.stat(parent).await.map_err(cannot("look at", parent))?.map(|s| s.kind) {
            None => missing.push(parent),
            Some(EntryKind::Directory | EntryKind::Symlink) => break,
            Some(_) => return Err(io_fault("make a folder below", parent, &ErrorKind::NotADirectory.into())),
        }
    }
    let mut made = Vec::new();
    for parent in missing.iter().rev() {
        if make_one(connection, parent, token).await? {
            made.insert(0, (*parent).to_owned());
        }
    }
    Ok(made)
}

/// Says whether it was us: another create may need the same folder at the same time.
async fn make_one(connection: &dyn Connection, path: &str, token: &str) -> Result<bool, Fault> {
    let new = unnamed(path, token);
    connection.remove_dir(&new).await.map_err(cannot("remove", &new))?;
    connection.make_dir(&new, 0o755).await.map_err(cannot("make the folder", path))?;
    mark::set_parent(connection, &new, token).await?;
    match connection.rename(&new, path).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            connection.remove_dir(&new).await.map_err(cannot("remove", &new))?;
            Ok(false)
        }
        Err(error) => Err(io_fault("make the folder", path, &error)),
    }
}

/// The folders that a create with that token has made on the way to the path. What it was making
/// when it was killed is removed.
pub async fn find(connection: &dyn Connection, path: &str, token: &str) -> Result<Vec<String>, Fault> {
    let mut made = Vec::new();
    for parent in upwards(folder(path)) {
        let new = unnamed(parent, token);
        if connection.stat(parent).await.map_err(cannot("look at", parent))?.is_none() {
            // Nothing can be in it, and where its folder is missing too there is none.
            drop(connection.remove_dir(&new).await);
            continue;
        }
        if mark::get(connection, parent).await.ok().flatten() != Some(Mark::Parent(token.to_owned())) {
            break;
        }
        made.push(parent.to_owned());
    }
    Ok(made)
}

/// Removes the folders above the path that mprov has made, for this instance or for another, as
/// far as nothing else is in them.
pub async fn remove(connection: &dyn Connection, path: &str, recorded: &[String]) -> Result<(), Fault> {
    for parent in upwards(folder(path)) {
        let ours = recorded.iter().any(|r| r == parent)
            || matches!(mark::get(connection, parent).await, Ok(Some(Mark::Parent(_))));
        if !ours {
            return Ok(());
        }
        match connection.remove_dir(parent).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => return Ok(()),
            Err(error) => return Err(io_fault("remove the folder", parent, &error)),
        }
    }
    Ok(())
}

/// The computed attribute `parents`.
pub fn value(made: &[String]) -> Value {
    Value::list(made.iter().map(|p| Value::from(p.as_str())))
}

fn unnamed(path: &str, token: &str) -> String {
    let short: String = token.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    beside(path, &format!("{short}.mprov-new"))
}
