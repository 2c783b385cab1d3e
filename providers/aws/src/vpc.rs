use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Tag, Vpc, VpcAttributeName, VpcState};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

const HOSTNAMES: &str = "enable_dns_hostnames";
const SUPPORT: &str = "enable_dns_support";

pub struct VpcKind;

#[async_trait]
impl Kind for VpcKind {
    type Seen = Vpc;
    const NOUN: &'static str = "VPC";

    fn schema() -> Schema {
        let flag = |description, default: bool| Attribute::optional(Type::Bool, description).default(default);
        Schema::new(
            "aws_vpc",
            "A private network.",
            [
                common::name(),
                ("cidr", Attribute::required(Type::String, "Its addresses, as 10.0.0.0/16.").replaces()),
                (SUPPORT, flag("Answers DNS questions from inside of it.", true)),
                (HOSTNAMES, flag("Gives instances with public addresses DNS names.", false)),
                common::tags(),
                common::id("Of the VPC, vpc-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Vpc>, Failure> {
        let request = ask.client().describe_vpcs();
        let request = match sought {
            Sought::Id(id) => request.vpc_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.vpcs).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .create_vpc()
            .cidr_block(planned.str("cidr")?)
            .tag_specifications(tags::specification(ask, ResourceType::Vpc, planned)?);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.vpc.and_then(|v| v.vpc_id))
    }

    fn id(seen: &Vpc) -> String {
        seen.vpc_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &Vpc) -> Standing {
        match seen.state() {
            Some(VpcState::Pending) => Standing::Coming("the VPC is being made".to_owned(), None),
            _ => Standing::Ready,
        }
    }

    fn tags(seen: &Vpc) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        ask: &Ask<'_>,
        seen: &Vpc,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let id = Self::id(seen);
        let question = |attribute| ask.client().describe_vpc_attribute().vpc_id(&id).attribute(attribute);
        let (support, hostnames) =
            (question(VpcAttributeName::EnableDnsSupport), question(VpcAttributeName::EnableDnsHostnames));
        let support = ask.plainly(|| support.clone().send()).await?;
        let hostnames = ask.plainly(|| hostnames.clone().send()).await?;
        Ok(Object::new()
            .with("id", id.as_str())
            .with("cidr", seen.cidr_block())
            .with(SUPPORT, support.enable_dns_support.and_then(|v| v.value))
            .with(HOSTNAMES, hostnames.enable_dns_hostnames.and_then(|v| v.value)))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        // Names need the answers of the DNS server: support is switched on first and off last.
        let order = match planned.bool(SUPPORT)? {
            true => [SUPPORT, HOSTNAMES],
            false => [HOSTNAMES, SUPPORT],
        };
        for name in order {
            if !common::differs(prior, planned, name) {
                continue;
            }
            let value = AttributeBooleanValue::builder().value(planned.bool(name)?).build();
            let request = ask.client().modify_vpc_attribute().vpc_id(prior.str("id")?);
            let request = match name {
                SUPPORT => request.enable_dns_support(value),
                _ => request.enable_dns_hostnames(value),
            };
            ask.safely(|| request.clone().send()).await?;
        }
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &Vpc, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_vpc().vpc_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}
