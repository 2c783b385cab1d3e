//! What is at a path.

use mprov_sdk::Fault;

use crate::connection::{Connection, EntryKind};
use crate::fault::cannot;

pub async fn exists(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    Ok(connection.stat(path).await.map_err(cannot("look at", path))?.is_some())
}

/// Bytes of the file; none where there is none.
pub async fn file_size(connection: &dyn Connection, path: &str) -> Result<Option<u64>, Fault> {
    let stat = connection.stat(path).await.map_err(cannot("look at", path))?;
    Ok(stat.filter(|stat| stat.kind == EntryKind::File).map(|stat| stat.size))
}
