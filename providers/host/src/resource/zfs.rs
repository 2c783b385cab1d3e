//! ZFS by its command, `zfs`.

use std::time::Duration;

use mprov_sdk::{Call, Fault};

use crate::connection::Connection;
use crate::tool::{ask, failed, run};

/// The user property that tells which step made a dataset; it comes into being with it.
const TOKEN: &str = "mprov:token";
/// How long a dataset may be busy after nobody uses it any more: the kernel lets go of a mount a
/// moment later.
const BUSY: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(200);

/// A filesystem of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `tank/site`
    pub name: String,
    /// The snapshot that it was cloned from, `tank/site@now`.
    pub origin: Option<String>,
    pub mountpoint: String,
    pub mounted: bool,
}

impl Dataset {
    pub fn pool(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// All of them; none where the machine has no ZFS.
pub async fn datasets(connection: &dyn Connection) -> Result<Vec<Dataset>, Fault> {
    let command = ["zfs", "list", "-H", "-t", "filesystem", "-o", "name,origin,mountpoint,mounted"];
    // Without the command, without a module of the kernel and without a pool there are none.
    let Ok(output) = ask(connection, &command).await else { return Ok(Vec::new()) };
    if !output.success() {
        return Ok(Vec::new());
    }
    let text = output.stdout_text();
    let dataset = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Dataset {
            name: fields.next()?,
            origin: fields.next().filter(|origin| origin != "-"),
            mountpoint: fields.next()?,
            mounted: fields.next()? == "yes",
        })
    };
    Ok(text.lines().filter_map(dataset).collect())
}

/// The dataset whose files that directory holds; none where it is on another filesystem.
pub async fn around(connection: &dyn Connection, directory: &str) -> Result<Option<Dataset>, Fault> {
    let is_above = |d: &Dataset| {
        let rest = directory.strip_prefix(d.mountpoint.trim_end_matches('/'));
        d.mounted && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let all = datasets(connection).await?;
    let nearest = all.into_iter().filter(is_above).max_by_key(|d| d.mountpoint.len());
    let Some(nearest) = nearest else { return Ok(None) };
    // Something else may be mounted in between.
    let command = ["stat", "-L", "-c", "%d", "--", directory, &nearest.mountpoint];
    let output = ask(connection, &command).await?;
    let text = output.stdout_text();
    let mut devices = text.lines();
    let same = output.success() && devices.next() == devices.next();
    Ok(same.then_some(nearest))
}

/// The dataset that is mounted, or to be mounted, at that path.
pub async fn at(connection: &dyn Connection, path: &str) -> Result<Option<Dataset>, Fault> {
    Ok(datasets(connection).await?.into_iter().find(|d| d.mountpoint == path))
}

/// Name of the dataset for the volume at the path, inside of the one that the path lies in.
pub fn name_for(parent: &Dataset, path: &str) -> Result<String, Fault> {
    let rest = path.strip_prefix(parent.mountpoint.trim_end_matches('/')).unwrap_or(path);
    let name = rest.trim_matches('/').replace('/', ":");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    match !name.is_empty() && name.chars().all(plain) {
        true => Ok(format!("{}/{name}", parent.name)),
        false => Err(Fault::new(format!("{path} cannot be the path of a ZFS volume")).detail(
            "Names of datasets have letters, digits, and - _ . : only. Choose another path, or driver = \"copy\".",
        )),
    }
}

/// Makes an empty dataset, mounted at the path.
pub async fn create(connection: &dyn Connection, call: &Call, name: &str, path: &str) -> Result<(), Fault> {
    let (token, mountpoint) = properties(call, path);
    run(connection, call, &["zfs", "create", "-o", &token, "-o", &mountpoint, name]).await.map(drop)
}

/// Makes a clone of the dataset as it is now, mounted at the path.
pub async fn clone(
    connection: &dyn Connection,
    call: &Call,
    source: &str,
    name: &str,
    path: &str,
) -> Result<(), Fault> {
    let snapshot = format!("{source}@{}", snapshot_of(call));
    run(connection, call, &["zfs", "snapshot", &snapshot]).await?;
    let (token, mountpoint) = properties(call, path);
    let command = ["zfs", "clone", "-o", &token, "-o", &mountpoint, &snapshot, name];
    match run(connection, call, &command).await {
        Ok(_) => Ok(()),
        Err(fault) => {
            run(connection, call, &["zfs", "destroy", &snapshot]).await?;
            Err(fault)
        }
    }
}

fn properties(call: &Call, path: &str) -> (String, String) {
    (format!("{TOKEN}={}", call.token), format!("mountpoint={path}"))
}

fn snapshot_of(call: &Call) -> String {
    format!("mprov-{}", call.token)
}

/// Whether the step of the call has made it.
pub async fn is_made_by(connection: &dyn Connection, call: &Call, name: &str) -> Result<bool, Fault> {
    Ok(property(connection, name, TOKEN).await?.as_deref() == Some(&*call.token))
}

/// A property as it is, numbers in bytes; none where there is no value.
pub async fn property(
    connection: &dyn Connection,
    name: &str,
    property: &str,
) -> Result<Option<String>, Fault> {
    let command = ["zfs", "get", "-H", "-p", "-o", "value", property, name];
    let output = ask(connection, &command).await?;
    if !output.success() {
        return Err(failed(&command.join(" "), &output));
    }
    let value = output.stdout_text().trim().to_owned();
    Ok((value != "-").then_some(value))
}

/// Removes the snapshot of a clone that was begun and not made.
pub async fn forget_snapshot(connection: &dyn Connection, call: &Call, source: &str) -> Result<(), Fault> {
    let snapshot = format!("{source}@{}", snapshot_of(call));
    let there = ask(connection, &["zfs", "list", "-H", "-t", "snapshot", "-o", "name", &snapshot]).await?;
    match there.success() {
        true => run(connection, call, &["zfs", "destroy", &snapshot]).await.map(drop),
        false => Ok(()),
    }
}

/// Removes the dataset with its snapshots. Clones of it live on by themselves; the snapshot that it
/// was cloned from itself goes with its last clone. Begun anew, it goes on.
pub async fn destroy(connection: &dyn Connection, call: &Call, name: &str) -> Result<(), Fault> {
    loop {
        let all = datasets(connection).await?;
        let Some(this) = all.iter().find(|d| d.name == name) else { return Ok(()) };
        let of_this = |d: &&Dataset| snapshot_owner(d) == Some(name);
        if let Some(clone) = all.iter().find(of_this) {
            // The clone becomes the owner of the snapshots up to its own.
            run(connection, call, &["zfs", "promote", &clone.name]).await?;
            continue;
        }
        let origin = this.origin.clone();
        if this.mounted {
            run(connection, call, &["zfs", "unmount", name]).await?;
        }
        destroy_when_idle(connection, call, name).await?;
        if let Some(origin) = origin.filter(|origin| origin.contains("@mprov-"))
            && !all.iter().any(|d| d.name != name && d.origin.as_ref() == Some(&origin))
        {
            run(connection, call, &["zfs", "destroy", &origin]).await?;
        }
        return Ok(());
    }
}

async fn destroy_when_idle(connection: &dyn Connection, call: &Call, name: &str) -> Result<(), Fault> {
    let begin = tokio::time::Instant::now();
    loop {
        match run(connection, call, &["zfs", "destroy", "-r", name]).await {
            Err(fault) if fault.detail.contains("busy") && begin.elapsed() < BUSY => {
                tokio::time::sleep(AGAIN).await;
            }
            other => return other.map(drop),
        }
    }
}

/// The dataset whose snapshot it was cloned from.
fn snapshot_owner(dataset: &Dataset) -> Option<&str> {
    dataset.origin.as_deref()?.split_once('@').map(|(owner, _)| owner)
}
