use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};
use serde_json::Value as Json;

use crate::api::Api;
use crate::json;
use crate::resource::network::THING;

pub const KIND: &str = "openstack_network";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A network that exists; the cloud's external one, most often.",
        [
            ("name", Attribute::optional_computed(Type::String, "Its name or id.")),
            ("external", Attribute::optional_computed(Type::Bool, "Whether it leads out of the cloud.")),
            ("id", Attribute::computed(Type::String, "Its id.")),
            ("shared", Attribute::computed(Type::Bool, "Whether other projects may use it.")),
            ("mtu", Attribute::computed(Type::Number, "Largest packet in bytes.")),
            ("subnet_ids", Attribute::computed(Type::set(Type::String), "Its subnets.")),
        ],
    )
}

pub struct NetworkData {
    pub api: Arc<Api>,
}

#[async_trait]
impl DataSource for NetworkData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let found =
            THING.list(&self.api, call, &[]).await.map_err(|e| e.fault("networks cannot be listed"))?;
        let (name, external) = (config.opt_str("name")?, config.opt_bool("external")?);
        let fits = |network: &&Json| {
            let leads_out = network["router:external"].as_bool().unwrap_or(false);
            name.is_none_or(|name| network["name"] == name || network["id"] == name)
                && external.is_none_or(|wanted| wanted == leads_out)
        };
        let fitting: Vec<_> = found.iter().filter(fits).collect();
        let network = match fitting[..] {
            [network] => network,
            [] => {
                return Err(Fault::new("there is no such network")
                    .detail("`openstack network list` lists those that this project may use."));
            }
            _ => {
                let ids: Vec<_> = fitting.iter().map(|n| json::str(n, "id")).collect();
                return Err(Fault::new("several networks fit")
                    .detail(format!("They are {}. Set \"name\" to one of these ids.", ids.join(", "))));
            }
        };
        let subnets = json::items(&network["subnets"]).iter().filter_map(Json::as_str);
        Ok(config
            .clone()
            .with("name", name.map_or_else(|| json::text(&network["name"]), Into::into))
            .with("external", network["router:external"].as_bool().unwrap_or(false))
            .with("id", json::text(&network["id"]))
            .with("shared", json::flag(&network["shared"]))
            .with("mtu", json::number(&network["mtu"]))
            .with("subnet_ids", json::strings(subnets)))
    }
}
