//! How much room data takes, and whether there is enough of it.

use mprov_sdk::Fault;

use crate::connection::{Connection, Space};
use crate::fault::cannot;
use crate::size::about;
use crate::tool::{ask, failed};

/// What a snapshot, shared files or an empty filesystem need: metadata.
pub const LITTLE: u64 = 16 << 20;

/// Bytes on disk of all that is below the path.
pub async fn total(connection: &dyn Connection, path: &str) -> Result<u64, Fault> {
    let command = ["du", "--summarize", "--block-size=1", "--", path];
    let output = ask(connection, &command).await?;
    // Files that vanish under it make it fail; it has counted the others all the same.
    number(&output.stdout_text(), 0).ok_or_else(|| failed(&command.join(" "), &output))
}

/// Bytes that only this btrfs subvolume holds.
pub async fn exclusive(connection: &dyn Connection, path: &str) -> Result<u64, Fault> {
    let command = ["btrfs", "filesystem", "du", "--summarize", "--raw", "--", path];
    let output = ask(connection, &command).await?;
    // A head line, then: total, exclusive, set shared, name.
    let text = output.stdout_text();
    let row = text.lines().nth(1).and_then(|row| number(row, 1));
    row.ok_or_else(|| failed(&command.join(" "), &output))
}

/// Bytes that only this file holds; none where its filesystem does not say what is shared.
pub async fn unshared(connection: &dyn Connection, path: &str) -> Result<Option<u64>, Fault> {
    let output = ask(connection, &["filefrag", "-s", "-v", "-b1", "--", path]).await?;
    if !output.success() {
        return Ok(None);
    }
    // An extent: number, logical and physical place, length, flags.
    let text = output.stdout_text();
    let extents = text.lines().filter_map(|line| {
        let mut fields = line.split(':').map(str::trim);
        fields.next()?.parse::<u64>().ok()?;
        let length = fields.nth(2)?.parse::<u64>().ok()?;
        Some(if line.contains("shared") { 0 } else { length })
    });
    Ok(Some(extents.sum()))
}

fn number(row: &str, column: usize) -> Option<u64> {
    row.split_whitespace().nth(column)?.parse().ok()
}

/// # Errors
/// The filesystem of the directory has less free than that. `what` takes the room: "cloning /srv/x".
pub async fn require(
    connection: &dyn Connection,
    what: &str,
    directory: &str,
    needed: u64,
) -> Result<(), Fault> {
    let Space { total, free } = connection.space(directory).await.map_err(cannot("measure", directory))?;
    // A filesystem in memory may have no limit of its own.
    if total == 0 || free >= needed {
        return Ok(());
    }
    Err(Fault::new(format!(
        "{what} needs {} and only {} are free in {directory}: {} are missing",
        about(needed),
        about(free),
        about(needed - free)
    ))
    .detail(
        "Free some space or enlarge the filesystem, then try again. Where files can share their data (btrfs, or \
         XFS made with reflink=1) a clone needs next to none.",
    ))
}
