use serde_json::{Value as Json, json};

use super::Mounts;
use crate::model::Route;
use crate::slot::Slot;

/// Any file but hidden ones, which are about to get their names.
const ANY: &str = "/[^.]*";

/// The matcher of requests that come while that state file is there.
pub fn is_there(route: &Route, name: &str, mounts: Mounts<'_>) -> Json {
    let folder = mounts.state.join(&route.hostname);
    json!({ "file": { "root": folder.to_string_lossy(), "try_files": [format!("/{name}")] } })
}

/// The matcher of requests that come while the slot holds an upstream. It leaves the file's name,
/// with a "/" before it, in the placeholder `http.matchers.file.relative`.
pub fn is_filled(route: &Route, slot: Slot, mounts: Mounts<'_>) -> Json {
    let folder = mounts.state.join(&route.hostname).join(slot.folder());
    json!({ "file": { "root": folder.to_string_lossy(), "try_files": [ANY] } })
}
