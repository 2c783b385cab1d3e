//! Block devices: what is on them, and making them hold a filesystem.

use mprov_sdk::{Call, Fault};

use super::filesystem_kind::Kind;
use super::mounting;
use crate::connection::Connection;
use crate::fault::cannot;
use crate::fstab::Fstab;
use crate::signature::{self, Signature};
use crate::tool::{ask, failed, run};
use crate::uuid;

/// Bytes of the device.
pub async fn size(connection: &dyn Connection, device: &str) -> Result<u64, Fault> {
    let command = ["blockdev", "--getsize64", device];
    let output = ask(connection, &command).await?;
    output.stdout_text().trim().parse().map_err(|_| failed(&command.join(" "), &output))
}

/// The UUID of the filesystem on it that may be the one that is managed; none where it is empty.
///
/// # Errors
/// It holds something that mprov has not made and that is not in use at that path.
pub async fn acceptable(
    connection: &dyn Connection,
    fstab: &Fstab,
    device: &str,
    path: &str,
    kind: Option<Kind>,
) -> Result<Option<String>, Fault> {
    let found = signature::of(connection, device).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let used = async |signature: &Signature| -> Result<bool, Fault> {
        let here = match mounting::at(connection, path).await? {
            Some(mount) => signature::of(connection, &mount.source).await?.contains(signature),
            None => false,
        };
        Ok(here || fstab.mentions(connection, &format!("UUID={}", signature.uuid)).await?)
    };
    if !uuid::is_ours(&first.uuid) && !used(first).await? {
        return Err(not_empty(device, &found));
    }
    match kind.filter(|kind| kind.name() != first.kind) {
        None => Ok(Some(first.uuid.clone())),
        Some(kind) => Err(Fault::new(format!("{device} holds a filesystem of type {}", first.kind)).detail(format!(
            "To make it {} would lose its data. Keep the type, or save the data and empty the device yourself: \
             `wipefs --all {device}`.",
            kind.name()
        ))),
    }
}

/// Makes a filesystem on an empty device, or on one where this very step has begun to.
pub async fn format(
    connection: &dyn Connection,
    call: &Call,
    device: &str,
    kind: Kind,
    label: Option<&str>,
) -> Result<(), Fault> {
    let uuid = uuid::of_step(&call.token);
    clear(connection, call, device, &uuid).await?;
    let found = signature::of(connection, device).await?;
    match found.is_empty() {
        true => kind.format(connection, call, &uuid, label, device).await,
        false => Err(not_empty(device, &found)),
    }
}

/// Empties a device that holds nothing but the filesystem with that UUID, and that nothing uses.
/// Says whether it did.
pub async fn clear(
    connection: &dyn Connection,
    call: &Call,
    device: &str,
    uuid: &str,
) -> Result<bool, Fault> {
    if connection.stat(device).await.map_err(cannot("look at", device))?.is_none() {
        return Ok(false);
    }
    let found = signature::of(connection, device).await?;
    if found.is_empty() || found.iter().any(|signature| signature.uuid != uuid) {
        return Ok(false);
    }
    run(connection, call, &["wipefs", "--all", "--", device]).await?;
    Ok(true)
}

/// Whether the filesystem is on the device or on another one; also where the device is away.
pub async fn may_hold(connection: &dyn Connection, device: &str, uuid: &str) -> Result<bool, Fault> {
    if connection.stat(device).await.map_err(cannot("look at", device))?.is_none() {
        return Ok(true);
    }
    if signature::of(connection, device).await?.iter().any(|signature| signature.uuid == uuid) {
        return Ok(true);
    }
    Ok(ask(connection, &["blkid", "--uuid", uuid]).await?.success())
}

fn not_empty(device: &str, found: &[Signature]) -> Fault {
    let found: Vec<String> = found.iter().map(Signature::show).collect();
    Fault::new(format!("{device} is not empty and is not formatted")).detail(format!(
        "It holds {}. If that is the data you want, mount it and import it. If nothing of it is needed, empty the \
         device yourself: `wipefs --all {device}`.",
        found.join(" and ")
    ))
}
