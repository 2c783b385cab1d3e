use mprov_sdk::{Call, Fault, Object};

use super::image_volume::is_unmounted;
use super::mounting::is_hidden;
use crate::connection::Connection;
use crate::entry::exists;
use crate::path::{folder, manageable};

/// # Errors
/// Something is at the path where a volume is to be made.
pub async fn refuse_taken(connection: &dyn Connection, path: &str) -> Result<(), Fault> {
    if !exists(connection, path).await? {
        return Ok(());
    }
    Err(Fault::new(format!("{path} is there already, and mprov did not make it")).detail(
        "Data that is there is never taken over by itself: import it, move it away, or choose another path.",
    ))
}

/// The volume that another one is made as a clone of.
pub fn source(call: &Call, planned: &Object) -> Result<Option<String>, Fault> {
    planned.opt_str("clone_of")?.map(|source| manageable(&call.base_dir, source)).transpose()
}

/// Where a volume is to be made, and from what.
pub struct Place {
    pub path: String,
    pub source: Option<String>,
}

impl Place {
    /// As far as a plan can look at it: none where the volume is there already, and where this plan
    /// may be about to make, or to mount, what it lies on or is a clone of.
    pub async fn of(
        connection: &dyn Connection,
        call: &Call,
        config: &Object,
    ) -> Result<Option<Self>, Fault> {
        let Some(path) = config["path"].as_str() else { return Ok(None) };
        if config["driver"].is_unknown() || config["clone_of"].is_unknown() {
            return Ok(None);
        }
        let path = manageable(&call.base_dir, path)?;
        if exists(connection, &path).await?
            || !exists(connection, folder(&path)).await?
            || is_hidden(connection, &path).await?
        {
            return Ok(None);
        }
        let source = match config["clone_of"].as_str() {
            Some(source) => Some(manageable(&call.base_dir, source)?),
            None => None,
        };
        match &source {
            Some(source) if !exists(connection, source).await? => Ok(None),
            Some(source) if is_unmounted(connection, source).await? => Ok(None),
            _ => Ok(Some(Self { path, source })),
        }
    }
}
