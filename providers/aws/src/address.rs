use async_trait::async_trait;
use aws_sdk_ec2::types::{Address, DomainType, ResourceType, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

pub struct AddressKind;

#[async_trait]
impl Kind for AddressKind {
    type Seen = Address;
    const NOUN: &'static str = "address";

    fn schema() -> Schema {
        Schema::new(
            "aws_address",
            "A public address that stays the same (an Elastic IP address).",
            [
                common::name(),
                ("address", Attribute::computed(Type::String, "The IPv4 address.")),
                common::tags(),
                common::id("Of the allocation, eipalloc-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Address>, Failure> {
        let request = ask.client().describe_addresses();
        let request = match sought {
            Sought::Id(id) => request.allocation_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.addresses).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let tags = tags::specification(ask, ResourceType::ElasticIp, planned)?;
        let request = ask.client().allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.allocation_id)
    }

    fn id(seen: &Address) -> String {
        seen.allocation_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &Address) -> Standing {
        Standing::Ready
    }

    fn tags(seen: &Address) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &Address,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new().with("id", seen.allocation_id()).with("address", seen.public_ip()))
    }

    async fn change(&self, _ask: &Ask<'_>, _prior: &Object, _planned: &Object) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &Address, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().release_address().allocation_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}
