use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type, Value};
use serde_json::Value as Json;

use crate::api::Api;
use crate::resource::snapshot::{created_at, observed};
use crate::service::Service;

pub const KIND: &str = "openstack_snapshot";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The newest usable snapshot of a volume that all of this fits.",
        [
            ("name", Attribute::optional_computed(Type::String, "Its name.")),
            ("volume_id", Attribute::optional_computed(Type::String, "The volume that it is of.")),
            (
                "tags",
                Attribute::optional(Type::map(Type::String), "Metadata that it has, besides other metadata."),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
            ("size", Attribute::computed(Type::Number, "GiB.")),
            ("status", Attribute::computed(Type::String, "available.")),
            ("created_at", Attribute::computed(Type::String, "When it was taken (RFC 3339, UTC).")),
        ],
    )
}

pub struct SnapshotData {
    pub api: Arc<Api>,
}

#[async_trait]
impl DataSource for SnapshotData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let found = self.api.list(call, Service::Volume, "/snapshots/detail", "snapshots", &[]).await;
        let found = found.map_err(|e| e.fault("snapshots cannot be listed"))?;
        let (name, volume) = (config.opt_str("name")?, config.opt_str("volume_id")?);
        let tags = config.string_map("tags")?;
        let fits = |snapshot: &&Json| {
            snapshot["status"] == "available"
                && name.is_none_or(|name| snapshot["name"] == name)
                && volume.is_none_or(|volume| snapshot["volume_id"] == volume)
                && tags.iter().all(|(k, v)| snapshot["metadata"][k] == **v)
        };
        let newest = found.iter().filter(fits).max_by_key(|s| created_at(s).as_str().map(str::to_owned));
        let newest = newest.ok_or_else(|| {
            Fault::new("there is no such snapshot")
                .detail("`openstack volume snapshot list --long` lists what there is.")
        })?;
        let tags: &Value = config.get("tags");
        Ok(observed(config, newest).with("tags", tags.clone()))
    }
}
