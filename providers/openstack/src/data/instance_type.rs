use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};
use serde_json::Value as Json;

use crate::api::Api;
use crate::json;
use crate::resource::instance::server;
use crate::service::Service;

pub const KIND: &str = "openstack_instance_type";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A flavour: the one of that name, or the smallest that has as much as asked for.",
        [
            ("name", Attribute::optional_computed(Type::String, "Its name or id.")),
            ("min_cpus", Attribute::optional(Type::Number, "Virtual processors that it has at least.")),
            ("min_memory", Attribute::optional(Type::Number, "MiB of memory that it has at least.")),
            ("min_disk", Attribute::optional(Type::Number, "GiB of disk that it has at least.")),
            ("id", Attribute::computed(Type::String, "Its id.")),
            ("cpus", Attribute::computed(Type::Number, "Virtual processors.")),
            ("memory", Attribute::computed(Type::Number, "MiB of memory.")),
            ("disk", Attribute::computed(Type::Number, "GiB of disk.")),
        ],
    )
}

pub struct InstanceTypeData {
    pub api: Arc<Api>,
}

impl InstanceTypeData {
    async fn smallest(&self, call: &Call, config: &Object) -> Result<Json, Fault> {
        let found = self.api.list(call, Service::Compute, "/flavors/detail", "flavors", &[]).await;
        let found = found.map_err(|e| e.fault("instance types cannot be listed"))?;
        let least = [
            ("vcpus", config.opt_i64("min_cpus")?),
            ("ram", config.opt_i64("min_memory")?),
            ("disk", config.opt_i64("min_disk")?),
        ];
        let amount = |flavour: &Json, key: &str| flavour[key].as_i64().unwrap_or_default();
        let fits =
            |f: &&Json| least.iter().all(|(key, least)| least.is_none_or(|least| amount(f, key) >= least));
        let size = |f: &&Json| {
            (amount(f, "ram"), amount(f, "vcpus"), amount(f, "disk"), json::str(f, "id").to_owned())
        };
        found.iter().filter(fits).min_by_key(size).cloned().ok_or_else(|| {
            Fault::new("no instance type is large enough")
                .detail("`openstack flavor list` lists those that this project may use.")
        })
    }
}

#[async_trait]
impl DataSource for InstanceTypeData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let flavour = match config.opt_str("name")? {
            Some(name) => server::flavour(&self.api, call, name).await?,
            None => self.smallest(call, config).await?,
        };
        Ok(config
            .clone()
            .with("name", json::text(&flavour["name"]))
            .with("id", json::text(&flavour["id"]))
            .with("cpus", json::number(&flavour["vcpus"]))
            .with("memory", json::number(&flavour["ram"]))
            .with("disk", json::number(&flavour["disk"])))
    }
}
