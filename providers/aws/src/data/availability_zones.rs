use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type, Value};

use crate::ask::{Ask, Ec2, filter};

pub const KIND: &str = "aws_availability_zones";

pub fn schema() -> Schema {
    let names = Attribute::computed(Type::list(Type::String), "Their names, sorted.");
    Schema::new(KIND, "The zones of the region that the account can use.", [("names", names)])
}

pub struct AvailabilityZonesData {
    pub ec2: Arc<Ec2>,
}

#[async_trait]
impl DataSource for AvailabilityZonesData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let ask = Ask { ec2: &self.ec2, call };
        let request = ask.client().describe_availability_zones();
        let request = request.filters(filter("zone-type", "availability-zone"));
        let request = request.filters(filter("state", "available"));
        let found = ask.plainly(|| request.clone().send()).await;
        let found = found.map_err(|f| f.fault("the availability zones could not be listed"))?;
        let mut names: Vec<String> = found
            .availability_zones
            .unwrap_or_default()
            .into_iter()
            .filter_map(|zone| zone.zone_name)
            .collect();
        names.sort();
        Ok(config.clone().with("names", Value::list(names.into_iter().map(Value::from))))
    }
}
