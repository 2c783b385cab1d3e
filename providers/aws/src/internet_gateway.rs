use async_trait::async_trait;
use aws_sdk_ec2::types::{InternetGateway, ResourceType, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

pub struct InternetGatewayKind;

impl InternetGatewayKind {
    async fn attach(&self, ask: &Ask<'_>, id: &str, vpc: &str) -> Result<(), Failure> {
        let request = ask.client().attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
        match ask.safely(|| request.clone().send()).await {
            // A reply that was lost: the first try has done it.
            Err(failure) if failure.is("Resource.AlreadyAssociated") => match self.vpc_of(ask, id).await? {
                Some(attached) if attached == vpc => Ok(()),
                _ => Err(failure),
            },
            result => result.map(drop),
        }
    }

    async fn detach(&self, ask: &Ask<'_>, id: &str, vpc: &str) -> Result<(), Failure> {
        let request = ask.client().detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
        match ask.plainly(|| request.clone().send()).await {
            Err(failure) if failure.is("Gateway.NotAttached") => Ok(()),
            result => result.map(drop),
        }
    }

    async fn vpc_of(&self, ask: &Ask<'_>, id: &str) -> Result<Option<String>, Failure> {
        let found = self.look(ask, Sought::Id(id)).await?;
        Ok(found.first().and_then(vpc).map(str::to_owned))
    }
}

fn vpc(seen: &InternetGateway) -> Option<&str> {
    seen.attachments().iter().find_map(|a| a.vpc_id())
}

#[async_trait]
impl Kind for InternetGatewayKind {
    type Seen = InternetGateway;
    const NOUN: &'static str = "internet gateway";

    fn schema() -> Schema {
        Schema::new(
            "aws_internet_gateway",
            "The way from a VPC to the internet.",
            [
                common::name(),
                ("vpc_id", Attribute::optional(Type::String, "The VPC that it is attached to.")),
                common::tags(),
                common::id("Of the gateway, igw-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<InternetGateway>, Failure> {
        let request = ask.client().describe_internet_gateways();
        let request = match sought {
            Sought::Id(id) => request.internet_gateway_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.internet_gateways).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let tags = tags::specification(ask, ResourceType::InternetGateway, planned)?;
        let request = ask.client().create_internet_gateway().tag_specifications(tags);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.internet_gateway.and_then(|g| g.internet_gateway_id))
    }

    fn id(seen: &InternetGateway) -> String {
        seen.internet_gateway_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &InternetGateway) -> Standing {
        Standing::Ready
    }

    fn tags(seen: &InternetGateway) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &InternetGateway,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new().with("id", seen.internet_gateway_id()).with("vpc_id", vpc(seen)))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        let (had, wants) = (prior.opt_str("vpc_id")?, planned.opt_str("vpc_id")?);
        if had == wants {
            return Ok(());
        }
        let id = prior.str("id")?;
        if let Some(had) = had {
            self.detach(ask, id, had).await?;
        }
        match wants {
            Some(wants) => self.attach(ask, id, wants).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &InternetGateway, prior: &Object) -> Result<(), Failure> {
        let id = prior.str("id")?;
        if let Some(vpc) = self.vpc_of(ask, id).await? {
            self.detach(ask, id, &vpc).await?;
        }
        let request = ask.client().delete_internet_gateway().internet_gateway_id(id);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}
