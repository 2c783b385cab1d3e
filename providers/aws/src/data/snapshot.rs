use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::primitives::DateTimeFormat;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};

use crate::ask::{Ask, Ec2, filter};

pub const KIND: &str = "aws_snapshot";

pub fn schema() -> Schema {
    let volume = "The volume that it shows; any where none is given.";
    Schema::new(
        KIND,
        "The newest complete snapshot of some.",
        [
            ("tags", Attribute::required(Type::map(Type::String), "Tags that it must have.")),
            ("volume_id", Attribute::optional_computed(Type::String, volume)),
            ("id", Attribute::computed(Type::String, "Of the snapshot, snap-…")),
            ("size", Attribute::computed(Type::Number, "GiB of the volume.")),
            ("created_at", Attribute::computed(Type::String, "The moment it shows, RFC 3339.")),
        ],
    )
}

pub struct SnapshotData {
    pub ec2: Arc<Ec2>,
}

#[async_trait]
impl DataSource for SnapshotData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let ask = Ask { ec2: &self.ec2, call };
        let tags = config.string_map("tags")?;
        let mut request =
            ask.client().describe_snapshots().owner_ids("self").filters(filter("status", "completed"));
        for (key, value) in &tags {
            request = request.filters(filter(&format!("tag:{key}"), value));
        }
        if let Some(volume) = config.opt_str("volume_id")? {
            request = request.filters(filter("volume-id", volume));
        }
        let found = ask.plainly(|| request.clone().send()).await;
        let found = found.map_err(|f| f.fault("the snapshots could not be listed"))?;
        let newest = found.snapshots.unwrap_or_default().into_iter().max_by(|a, b| {
            let age = |s: &aws_sdk_ec2::types::Snapshot| s.start_time.map(|t| (t.secs(), t.subsec_nanos()));
            (age(a), a.snapshot_id()).cmp(&(age(b), b.snapshot_id()))
        });
        let snapshot = newest.ok_or_else(|| {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            Fault::new(format!("there is no complete snapshot with {}", tags.join(", ")))
                .detail("See that tags, region and account are right.")
        })?;
        let created = snapshot.start_time().and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
        Ok(config
            .clone()
            .with("volume_id", snapshot.volume_id)
            .with("id", snapshot.snapshot_id)
            .with("size", snapshot.volume_size)
            .with("created_at", created))
    }
}
