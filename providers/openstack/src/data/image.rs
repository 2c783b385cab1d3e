use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};
use serde_json::Value as Json;

use crate::api::Api;
use crate::json;
use crate::service::Service;

pub const KIND: &str = "openstack_image";

pub fn schema() -> Schema {
    let text = |description| Attribute::optional(Type::String, description);
    Schema::new(
        KIND,
        "An image to boot: the newest active one that all of this fits.",
        [
            ("name", Attribute::optional_computed(Type::String, "Its name.")),
            ("name_prefix", text("How its name begins, where the name tells the version.")),
            ("visibility", text("public, community, shared or private.")),
            (
                "properties",
                Attribute::optional(Type::map(Type::String), "Properties of it, os_distro = \"debian\"."),
            ),
            (
                "newest",
                Attribute::optional(
                    Type::Bool,
                    "Takes the newest where several fit; otherwise that is an error.",
                )
                .default(true),
            ),
            ("id", Attribute::computed(Type::String, "Its id.")),
            ("size", Attribute::computed(Type::Number, "Bytes.")),
            ("min_disk", Attribute::computed(Type::Number, "GiB that its disk has at least.")),
            ("min_memory", Attribute::computed(Type::Number, "MiB of memory that it needs.")),
            ("checksum", Attribute::computed(Type::String, "MD5 of it.")),
            ("created_at", Attribute::computed(Type::String, "When it was made (RFC 3339, UTC).")),
        ],
    )
}

pub struct ImageData {
    pub api: Arc<Api>,
}

#[async_trait]
impl DataSource for ImageData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let mut query = vec![("status", "active"), ("sort", "created_at:desc")];
        for name in ["name", "visibility"] {
            query.extend(config.opt_str(name)?.map(|value| (name, value)));
        }
        let found = self.api.list(call, Service::Image, "/images", "images", &query).await;
        let found = found.map_err(|e| e.fault("images cannot be listed"))?;
        let prefix = config.opt_str("name_prefix")?.unwrap_or_default();
        let properties = config.string_map("properties")?;
        let fits = |image: &&Json| {
            json::str(image, "name").starts_with(prefix) && properties.iter().all(|(k, v)| image[k] == **v)
        };
        let mut fitting: Vec<_> = found.iter().filter(fits).collect();
        fitting.sort_by_key(|image| std::cmp::Reverse(json::str(image, "created_at")));
        let Some(image) = fitting.first() else {
            return Err(Fault::new("there is no such image")
                .detail("No active image fits all of it. `openstack image list` lists what there is."));
        };
        if fitting.len() > 1 && !config.bool("newest")? {
            let ids: Vec<_> = fitting.iter().map(|i| json::str(i, "id")).collect();
            return Err(Fault::new("several images fit")
                .detail(format!("They are {}. Say more, or set \"newest\" to true.", ids.join(", "))));
        }
        Ok(config
            .clone()
            .with("name", json::text(&image["name"]))
            .with("id", json::text(&image["id"]))
            .with("size", json::number(&image["size"]))
            .with("min_disk", json::number(&image["min_disk"]))
            .with("min_memory", json::number(&image["min_ram"]))
            .with("checksum", json::text(&image["checksum"]))
            .with("created_at", json::text(&image["created_at"])))
    }
}
