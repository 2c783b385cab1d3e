use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet, SubnetState, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

const PUBLIC: &str = "map_public_ip_on_launch";

pub struct SubnetKind;

#[async_trait]
impl Kind for SubnetKind {
    type Seen = Subnet;
    const NOUN: &'static str = "subnet";

    fn schema() -> Schema {
        let zone = "The zone it lies in; EC2 chooses one where none is given.";
        Schema::new(
            "aws_subnet",
            "A part of a VPC, in one zone.",
            [
                common::name(),
                ("vpc_id", common::fixed("The VPC.")),
                ("cidr", common::fixed("Its addresses, a part of the VPC's.")),
                ("availability_zone", Attribute::optional_computed(Type::String, zone).replaces()),
                (
                    PUBLIC,
                    Attribute::optional(Type::Bool, "New instances get a public address.").default(false),
                ),
                common::tags(),
                common::id("Of the subnet, subnet-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Subnet>, Failure> {
        let request = ask.client().describe_subnets();
        let request = match sought {
            Sought::Id(id) => request.subnet_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.subnets).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .create_subnet()
            .vpc_id(planned.str("vpc_id")?)
            .cidr_block(planned.str("cidr")?)
            .set_availability_zone(planned.opt_str("availability_zone")?.map(str::to_owned))
            .tag_specifications(tags::specification(ask, ResourceType::Subnet, planned)?);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.subnet.and_then(|s| s.subnet_id))
    }

    fn id(seen: &Subnet) -> String {
        seen.subnet_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &Subnet) -> Standing {
        match seen.state() {
            Some(SubnetState::Pending) => Standing::Coming("the subnet is being made".to_owned(), None),
            Some(SubnetState::Failed | SubnetState::FailedInsufficientCapacity) => {
                Standing::Failed("EC2 says that the subnet has failed".to_owned())
            }
            _ => Standing::Ready,
        }
    }

    fn tags(seen: &Subnet) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &Subnet,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new()
            .with("id", seen.subnet_id())
            .with("vpc_id", seen.vpc_id())
            .with("cidr", seen.cidr_block())
            .with("availability_zone", seen.availability_zone())
            .with(PUBLIC, seen.map_public_ip_on_launch().unwrap_or_default()))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        if common::differs(prior, planned, PUBLIC) {
            let value = AttributeBooleanValue::builder().value(planned.bool(PUBLIC)?).build();
            let request = ask.client().modify_subnet_attribute().subnet_id(prior.str("id")?);
            let request = request.map_public_ip_on_launch(value);
            ask.safely(|| request.clone().send()).await?;
        }
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &Subnet, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_subnet().subnet_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}
