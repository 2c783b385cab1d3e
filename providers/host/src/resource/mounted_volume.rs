//! What volumes that are a filesystem of their own, mounted at their path, have in common.

use mprov_sdk::{Call, Fault, Object};

use super::mounting::Mounting;
use crate::fault::{cannot, io_fault};
use crate::ownership;

/// Mounts a volume that is complete and makes everything else as it is wanted. What was made is
/// recorded whatever happens. Any number of times.
pub async fn take_into_service(
    mounting: &Mounting<'_>,
    call: &Call,
    result: Object,
) -> Result<Object, Fault> {
    match settle(mounting, call, &result).await {
        Ok(()) => observed(mounting, result).await,
        Err(fault) => {
            let now = observed(mounting, result.clone()).await;
            Err(fault.unfinished(now.unwrap_or(result)))
        }
    }
}

async fn settle(mounting: &Mounting<'_>, call: &Call, wanted: &Object) -> Result<(), Fault> {
    let (connection, path) = (mounting.connection, mounting.path);
    let mount = mounting.establish(call).await?;
    mounting.fill_device(call, mount).await?;
    // A volume is empty when it is new.
    let lost = format!("{path}/lost+found");
    match connection.remove_dir(&lost).await {
        Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => {
            return Err(io_fault("remove", &lost, &error));
        }
        _ => {}
    }
    let ownership = ownership::wanted(connection, wanted).await?;
    ownership::set(connection, path, ownership).await
}

/// What is known of it, with what the mount tells.
pub async fn observed(mounting: &Mounting<'_>, known: Object) -> Result<Object, Fault> {
    let (connection, path) = (mounting.connection, mounting.path);
    let mounted = mounting.current().await?.is_some();
    let mut observed = known
        .clone()
        .with("absolute_path", path)
        .with("one_instant", true)
        .with("intact", true)
        .with("mounted", mounted)
        .with("in_fstab", mounting.in_fstab().await?);
    if mounted && let Some(stat) = connection.stat(path).await.map_err(cannot("look at", path))? {
        ownership::observe(connection, &stat, &known, &mut observed).await?;
    }
    Ok(observed)
}
