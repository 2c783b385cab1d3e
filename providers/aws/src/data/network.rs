use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type, Value};

use crate::ask::{Ask, Ec2, filter};

pub const KIND: &str = "aws_network";

pub fn schema() -> Schema {
    let vpc = "The VPC; the region's default one where none is given.";
    Schema::new(
        KIND,
        "A VPC that exists, and its subnets.",
        [
            ("vpc_id", Attribute::optional_computed(Type::String, vpc)),
            ("cidr", Attribute::computed(Type::String, "Its addresses.")),
            (
                "subnet_ids",
                Attribute::computed(Type::list(Type::String), "Its subnets, in the order of zones."),
            ),
            (
                "subnets",
                Attribute::computed(Type::map(Type::String), "One subnet of each zone, by the zone's name."),
            ),
        ],
    )
}

pub struct NetworkData {
    pub ec2: Arc<Ec2>,
}

#[async_trait]
impl DataSource for NetworkData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let ask = Ask { ec2: &self.ec2, call };
        let asked = config.opt_str("vpc_id")?;
        let request = ask.client().describe_vpcs();
        let request = match asked {
            Some(id) => request.filters(filter("vpc-id", id)),
            None => request.filters(filter("is-default", "true")),
        };
        let found = ask.plainly(|| request.clone().send()).await;
        let found = found.map_err(|f| f.fault("the VPC could not be looked up"))?;
        let vpc = found.vpcs.unwrap_or_default().into_iter().next().ok_or_else(|| match asked {
            Some(id) => Fault::new(format!("there is no VPC {id}"))
                .detail("See that id, region and account are right."),
            None => Fault::new("the region has no default VPC")
                .detail("Make one (`aws ec2 create-default-vpc`), or set \"vpc_id\" to a VPC of your own."),
        })?;
        let id = vpc.vpc_id.unwrap_or_default();
        let request = ask.client().describe_subnets().filters(filter("vpc-id", &id));
        let found = ask.plainly(|| request.clone().send()).await;
        let found = found.map_err(|f| f.fault(format!("the subnets of {id} could not be listed")))?;
        let mut subnets: Vec<(String, String)> = found
            .subnets
            .unwrap_or_default()
            .into_iter()
            .filter_map(|s| Some((s.availability_zone?, s.subnet_id?)))
            .collect();
        subnets.sort();
        let ids = subnets.iter().map(|(_, id)| Value::from(id.as_str()));
        let mut by_zone = BTreeMap::new();
        for (zone, id) in &subnets {
            by_zone.entry(zone.as_str()).or_insert_with(|| Value::from(id.as_str()));
        }
        Ok(config
            .clone()
            .with("vpc_id", id)
            .with("cidr", vpc.cidr_block)
            .with("subnet_ids", Value::list(ids))
            .with("subnets", Value::map(by_zone)))
    }
}
