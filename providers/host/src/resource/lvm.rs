//! Thin volumes of LVM by its commands, `lvs` and the like: see lvmthin(7).

use mprov_sdk::{Call, Fault};
use sha2::{Digest, Sha256};

use super::mounting;
use crate::connection::Connection;
use crate::size::about;
use crate::tool::{ask, failed, run};

/// The tag that tells which step made a volume; it comes into being with it.
const TOKEN: &str = "mprov.token=";
/// The tag of a volume that was made to its end.
const COMPLETE: &str = "mprov.complete";

/// What `lvs` tells, in the order of [`LogicalVolume`].
const FIELDS: &str = "vg_name,lv_name,segtype,pool_lv,lv_size,vg_extent_size,lv_kernel_major,lv_kernel_minor,\
                      lv_dm_path,data_percent,lv_metadata_size,metadata_percent,lv_suspended,lv_tags";

/// A logical volume of any type: thin ones and the pools that they lie in are told apart by it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogicalVolume {
    pub group: String,
    pub name: String,
    kind: String,
    /// The pool of a thin one.
    pool_name: String,
    pub bytes: u64,
    extent: u64,
    /// Device number, `253:4`; none while it is not active.
    number: Option<String>,
    /// `/dev/mapper/…`, there while it is active.
    pub device: String,
    /// How much of it is taken, of one; none while it is not active.
    taken: Option<f64>,
    metadata_bytes: u64,
    metadata_taken: Option<f64>,
    suspended: bool,
    tags: Vec<String>,
}

impl LogicalVolume {
    /// `vg0/site`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// `vg0/thin`
    pub fn pool(&self) -> String {
        format!("{}/{}", self.group, self.pool_name)
    }

    /// Bytes that it has in its pool, its own and shared ones; none while it is not active.
    pub fn mapped(&self) -> Option<u64> {
        self.taken.map(|taken| (self.bytes as f64 * taken) as u64)
    }

    pub fn is_active(&self) -> bool {
        self.number.is_some()
    }

    /// Bytes of a volume in the same group that is to have that many.
    pub fn rounded(&self, bytes: u64) -> u64 {
        bytes.next_multiple_of(self.extent)
    }

    pub fn is_of_mprov(&self) -> bool {
        self.tags.iter().any(|tag| tag.starts_with(TOKEN))
    }

    pub fn is_made_by(&self, call: &Call) -> bool {
        self.tags.contains(&tag_of(call))
    }

    /// Whether there is a filesystem on it that is its own, down to the UUID.
    pub fn is_complete(&self) -> bool {
        self.tags.iter().any(|tag| tag == COMPLETE)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.trim().split('|').map(str::to_owned);
        let mut next = || fields.next();
        let percent = |text: String| text.parse::<f64>().ok().map(|percent| percent / 100.0);
        Some(Self {
            group: next()?,
            name: next()?,
            kind: next()?,
            pool_name: next()?,
            bytes: next()?.parse().ok()?,
            extent: next()?.parse().ok()?,
            number: Some((next()?, next()?))
                .filter(|(_, minor)| minor.parse::<u32>().is_ok())
                .map(|(major, minor)| format!("{major}:{minor}")),
            device: next()?,
            taken: percent(next()?),
            metadata_bytes: next()?.parse().unwrap_or_default(),
            metadata_taken: percent(next()?),
            suspended: next()? == "suspended",
            tags: next()?.split(',').map(str::to_owned).collect(),
        })
    }
}

/// All thin volumes and pools of the machine.
pub struct Volumes(Vec<LogicalVolume>);

impl Volumes {
    pub async fn list(connection: &dyn Connection) -> Result<Self, Fault> {
        let columns = ["--noheadings", "--separator", "|", "--units", "b", "--nosuffix", "--options", FIELDS];
        let command = [&["lvs"][..], &columns].concat();
        let output = ask(connection, &command).await.map_err(|fault| {
            Fault::new("the volume driver \"lvm\" does not work on this machine")
                .detail(format!("{fault} It needs Debian's packages lvm2 and thin-provisioning-tools."))
        })?;
        match output.success() {
            true => Ok(Self(output.stdout_text().lines().filter_map(LogicalVolume::parse).collect())),
            false => Err(failed("lvs", &output)),
        }
    }

    /// By its full name.
    pub fn thin(&self, full_name: &str) -> Option<&LogicalVolume> {
        self.0.iter().find(|volume| volume.kind == "thin" && volume.full_name() == full_name)
    }

    /// By its full name.
    pub fn pool(&self, full_name: &str) -> Option<&LogicalVolume> {
        self.0.iter().find(|volume| volume.kind == "thin-pool" && volume.full_name() == full_name)
    }

    /// What has the name of the volume for that path, in whatever group and whoever made it.
    pub fn named_for(&self, path: &str) -> impl Iterator<Item = &LogicalVolume> {
        let name = name_for(path);
        self.0.iter().filter(move |volume| volume.name == name)
    }

    /// The thin volume whose data belongs at that path: what mprov has made for it, or else what
    /// is mounted there.
    pub async fn at(&self, connection: &dyn Connection, path: &str) -> Result<Option<&LogicalVolume>, Fault> {
        let ours = |volume: &&LogicalVolume| volume.is_of_mprov() && volume.is_complete();
        if let Some(ours) = self.named_for(path).find(ours) {
            return Ok(Some(ours));
        }
        let Some(mount) = mounting::at(connection, path).await? else { return Ok(None) };
        let thin = self.0.iter().filter(|volume| volume.kind == "thin");
        Ok({ thin }.find(|volume| volume.number.as_deref() == Some(&mount.number)))
    }
}

/// Whether a device of device-mapper is mounted at the path: only then it may be LVM's.
pub async fn may_be_at(connection: &dyn Connection, path: &str) -> Result<bool, Fault> {
    let mount = mounting::at(connection, path).await?;
    Ok(mount.is_some_and(|mount| mount.source.starts_with("/dev/mapper/")))
}

/// Whether the volume group is there: one whose disk is away may come back.
pub async fn has_group(connection: &dyn Connection, full_name: &str) -> Result<bool, Fault> {
    let group = full_name.split('/').next().unwrap_or_default();
    let output = ask(connection, &["vgs", "--noheadings", "--options", "vg_name"]).await?;
    match output.success() {
        true => Ok(output.stdout_text().split_whitespace().any(|name| name == group)),
        false => Err(failed("vgs", &output)),
    }
}

/// Name of the volume for that path: one that people recognize, and no two paths share. It has
/// neither of `-` and `_`, which device-mapper doubles and LVM keeps for itself.
pub fn name_for(path: &str) -> String {
    let digest = hex::encode(Sha256::digest(path));
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '.' };
    let readable: String = path.trim_start_matches('/').chars().map(plain).collect();
    let tail = readable.len().saturating_sub(60);
    format!("mprov.{}.{}", &readable[tail..], &digest[..16])
}

/// The tag of the call's step, of what lvm(8) allows in one.
fn tag_of(call: &Call) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+.-/=!:#&".contains(c) { c } else { '.' };
    format!("{TOKEN}{}", call.token.chars().map(allowed).collect::<String>())
}

/// Makes an empty volume that reads as zeros, active, and not activated at boot before it is
/// complete.
pub async fn create(
    connection: &dyn Connection,
    call: &Call,
    pool: &str,
    name: &str,
    bytes: u64,
) -> Result<(), Fault> {
    let size = format!("{bytes}b");
    begin(connection, call, name, &["--type", "thin", "--virtualsize", &size, "--thinpool", pool]).await
}

/// Makes a snapshot of what the volume holds now, active, and not activated at boot before it is
/// complete: until then its filesystem is taken for its source's.
///
/// LVM suspends the source meanwhile, and device-mapper freezes a filesystem on it when it does:
/// the snapshot is of one instant, with all that was written back.
pub async fn snapshot(
    connection: &dyn Connection,
    call: &Call,
    source: &LogicalVolume,
    name: &str,
) -> Result<(), Fault> {
    begin(connection, call, name, &["--snapshot", &source.full_name()]).await
}

async fn begin(connection: &dyn Connection, call: &Call, name: &str, what: &[&str]) -> Result<(), Fault> {
    let tag = tag_of(call);
    let command = ["lvcreate", "--quiet", "--yes", "--setactivationskip", "y", "--ignoreactivationskip"];
    let rest = ["--activate", "y", "--addtag", &tag, "--name", name];
    run(connection, call, &[&command[..], &rest, what].concat()).await.map(drop)
}

/// Notes in one that it is complete, and lets it be activated at boot.
pub async fn complete(connection: &dyn Connection, call: &Call, full_name: &str) -> Result<(), Fault> {
    let command = ["lvchange", "--quiet", "--setactivationskip", "n", "--addtag", COMPLETE, full_name];
    run(connection, call, &command).await.map(drop)
}

pub async fn activate(connection: &dyn Connection, call: &Call, volume: &LogicalVolume) -> Result<(), Fault> {
    if volume.is_active() {
        return Ok(());
    }
    let name = volume.full_name();
    let command = ["lvchange", "--quiet", "--activate", "y", "--ignoreactivationskip", &name];
    run(connection, call, &command).await.map(drop)
}

/// Lets writers of a volume go on whose snapshot was begun and not ended.
pub async fn resume(connection: &dyn Connection, call: &Call, volume: &LogicalVolume) -> Result<(), Fault> {
    match volume.suspended {
        true => run(connection, call, &["lvchange", "--refresh", &volume.full_name()]).await.map(drop),
        false => Ok(()),
    }
}

/// Makes one larger that is smaller; never a smaller one.
pub async fn extend(
    connection: &dyn Connection,
    call: &Call,
    volume: &LogicalVolume,
    bytes: u64,
) -> Result<(), Fault> {
    if volume.bytes >= volume.rounded(bytes) {
        return Ok(());
    }
    let size = format!("{bytes}b");
    run(connection, call, &["lvextend", "--quiet", "--size", &size, &volume.full_name()]).await.map(drop)
}

/// Also when the call was cancelled: what is removed then is only half made.
pub async fn remove(connection: &dyn Connection, full_name: &str) -> Result<(), Fault> {
    let command = ["lvremove", "--quiet", "--yes", full_name];
    let output = ask(connection, &command).await?;
    match output.success() {
        true => Ok(()),
        false => Err(failed(&command.join(" "), &output)),
    }
}

/// # Errors
/// So little of the pool is free that it may soon be full, which stops everything that writes to
/// any volume in it. `what` takes that many bytes now: "cloning /srv/x".
pub fn require_room(pool: &LogicalVolume, what: &str, takes: u64) -> Result<(), Fault> {
    // LVM itself makes no volume without that much free metadata.
    let least_metadata = (4 << 20).min(pool.metadata_bytes / 4);
    let metadata = (pool.metadata_bytes / 20).max(least_metadata);
    for (kind, bytes, taken, needed) in [
        ("data", pool.bytes, pool.taken, takes.saturating_add(pool.bytes / 20)),
        ("metadata", pool.metadata_bytes, pool.metadata_taken, metadata),
    ] {
        // One that is not active does not tell.
        let Some(taken) = taken else { continue };
        let free = (bytes as f64 * (1.0 - taken)).max(0.0) as u64;
        if free < needed {
            return Err(Fault::new(format!(
                "{what} needs {} of free {kind} in the thin pool {} and only {} are: {} are missing",
                about(needed),
                pool.full_name(),
                about(free),
                about(needed - free)
            ))
            .detail(format!(
                "A pool that is full stops everything that writes to it. Enlarge it (`lvextend {} {}`), or destroy \
                 volumes in it that are not needed.",
                if kind == "data" { "--size +SIZE" } else { "--poolmetadatasize +SIZE" },
                pool.full_name()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIN: &str = "  vg0|mprov.srv.g1.0123456789abcdef|thin|thin|1073741824|4194304|253|5|/dev/mapper/vg0-mprov.srv.g1.\
                        0123456789abcdef|4.79|||suspended|mprov.complete,mprov.token=t1";
    const POOL: &str =
        "  vg0|thin|thin-pool||629145600|4194304|253|2|/dev/mapper/vg0-thin|8.18|4194304|11.62||";

    fn pool(data: &str, metadata: &str) -> LogicalVolume {
        LogicalVolume::parse(&POOL.replace("8.18", data).replace("11.62", metadata)).unwrap()
    }

    #[test]
    fn what_lvs_prints_is_read() {
        let thin = LogicalVolume::parse(THIN).unwrap();
        assert_eq!((thin.pool(), thin.bytes, thin.taken), ("vg0/thin".into(), 1 << 30, Some(0.0479)));
        assert_eq!(thin.number.as_deref(), Some("253:5"));
        assert!(thin.suspended && thin.is_complete() && thin.is_of_mprov());
        let inactive = LogicalVolume::parse(&THIN.replace("|253|5|", "|-1|-1|")).unwrap();
        assert!(!inactive.is_active());
        let pool = LogicalVolume::parse(POOL).unwrap();
        assert!(!pool.suspended && !pool.is_of_mprov() && !pool.is_complete());
        let all = Volumes(vec![thin.clone(), pool.clone()]);
        assert_eq!((all.pool("vg0/thin"), all.thin("vg0/thin")), (Some(&pool), None));
        assert_eq!(all.thin(&thin.full_name()), Some(&thin));
        assert_eq!(LogicalVolume::parse("  WARNING: something"), None);
    }

    #[test]
    fn names_are_ones_that_lvm_takes_and_of_one_path_each() {
        let long = format!("/srv/{}/ü b", "x-y_z".repeat(60));
        let names = ["/srv/a.b", "/srv/a/b", "/srv/a b", &long].map(name_for);
        for (index, name) in names.iter().enumerate() {
            assert!(
                name.len() < 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'),
                "{name}"
            );
            assert!(!names[..index].contains(name), "{name}");
        }
        assert!(names[0].starts_with("mprov.srv.a.b."));
    }

    #[test]
    fn a_pool_that_is_nearly_full_is_refused_with_what_is_missing() {
        let require = |data, metadata| require_room(&pool(data, metadata), "cloning /srv/a", 60 << 20);
        require("84.9", "74.9").unwrap();
        require("", "").unwrap();
        let fault = require("97.50", "11.62").unwrap_err();
        let missing = "needs 90.0 MiB of free data in the thin pool vg0/thin and only 15.0 MiB are: 75.0 MiB are missing";
        assert!(fault.summary.contains(missing), "{fault}");
        let fault = require("8.18", "87.50").unwrap_err();
        assert!(
            fault.summary.contains("1.0 MiB of free metadata") && fault.detail.contains("--poolmetadatasize")
        );
    }
}
