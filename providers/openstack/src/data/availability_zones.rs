use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type, Value};
use serde_json::Value as Json;

use crate::api::Api;
use crate::json;
use crate::service::Service;

pub const KIND: &str = "openstack_availability_zones";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The availability zones that are in service.",
        [
            ("service", Attribute::optional(Type::String, "Of compute or of volume.").default("compute")),
            ("names", Attribute::computed(Type::list(Type::String), "Their names, sorted.")),
        ],
    )
}

pub struct ZonesData {
    pub api: Arc<Api>,
}

#[async_trait]
impl DataSource for ZonesData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let service = match config.str("service")? {
            "compute" => Service::Compute,
            "volume" => Service::Volume,
            other => {
                return Err(Fault::new(format!("\"{other}\" has no availability zones"))
                    .detail("Set \"service\" to compute or volume."));
            }
        };
        let path = "/os-availability-zone";
        let found = self.api.list(call, service, path, "availabilityZoneInfo", &[]).await;
        let found = found.map_err(|e| e.fault("availability zones cannot be listed"))?;
        let in_service = |zone: &&Json| zone["zoneState"]["available"] == true;
        let mut names: Vec<_> = found.iter().filter(in_service).map(|z| json::str(z, "zoneName")).collect();
        names.sort_unstable();
        Ok(config.clone().with("names", Value::list(names.into_iter().map(Value::from))))
    }
}
