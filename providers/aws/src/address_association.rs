use async_trait::async_trait;
use aws_sdk_ec2::types::{Address, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};

/// An address has at most one association, so the address's id is the association's too.
pub struct AddressAssociationKind;

impl AddressAssociationKind {
    async fn associate(&self, ask: &Ask<'_>, planned: &Object, take_over: bool) -> Result<(), Failure> {
        let (address, instance) = (planned.str("address_id")?, planned.str("instance_id")?);
        let request = ask
            .client()
            .associate_address()
            .allocation_id(address)
            .instance_id(instance)
            .allow_reassociation(take_over);
        // The same association twice is one (Amazon EC2 API Reference, AssociateAddress).
        match ask.safely(|| request.clone().send()).await {
            Err(failure) if failure.is("Resource.AlreadyAssociated") => {
                let now = self.look(ask, Sought::Made(planned)).await?;
                if now.is_empty() { Err(failure) } else { Ok(()) }
            }
            result => result.map(drop),
        }
    }
}

#[async_trait]
impl Kind for AddressAssociationKind {
    type Seen = Address;
    const NOUN: &'static str = "address association";

    fn schema() -> Schema {
        let association = "EC2's own id, eipassoc-…; a change of the instance gives a new one.";
        Schema::new(
            "aws_address_association",
            "The instance that a public address leads to.",
            [
                ("address_id", common::fixed("The address, eipalloc-…")),
                (
                    "instance_id",
                    Attribute::required(
                        Type::String,
                        "The instance. A change moves the address in one step, without a gap.",
                    ),
                ),
                (
                    "association_id",
                    Attribute::computed(Type::String, association).recomputed_by(["instance_id"]),
                ),
                common::id("The id of the address."),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Address>, Failure> {
        let (address, instance) = match sought {
            Sought::Id(id) => (id, None),
            Sought::Made(planned) => (planned.str("address_id")?, Some(planned.str("instance_id")?)),
        };
        let request = ask.client().describe_addresses().allocation_ids(address);
        let found = ask.found(|| request.clone().send()).await?;
        let mut found = found.and_then(|f| f.addresses).unwrap_or_default();
        found.retain(|a| {
            a.association_id().is_some() && instance.is_none_or(|instance| a.instance_id() == Some(instance))
        });
        Ok(found)
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        self.associate(ask, planned, false).await?;
        Ok(planned.str("address_id")?.to_owned())
    }

    fn id(seen: &Address) -> String {
        seen.allocation_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &Address) -> Standing {
        Standing::Ready
    }

    fn tags(_seen: &Address) -> Option<&[Tag]> {
        None
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &Address,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new()
            .with("id", seen.allocation_id())
            .with("address_id", seen.allocation_id())
            .with("instance_id", seen.instance_id())
            .with("association_id", seen.association_id()))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        match common::differs(prior, planned, "instance_id") {
            true => self.associate(ask, planned, true).await,
            false => Ok(()),
        }
    }

    async fn remove(&self, ask: &Ask<'_>, seen: &Address, _prior: &Object) -> Result<(), Failure> {
        let id = common::told(seen.association_id.clone())?;
        let request = ask.client().disassociate_address().association_id(id);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }

    fn is_meant(seen: &Address, prior: &Object) -> bool {
        let id = prior.get("association_id").as_str();
        id.is_none() || id == seen.association_id()
    }
}
