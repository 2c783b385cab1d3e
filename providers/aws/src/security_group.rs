use async_trait::async_trait;
use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, SecurityGroup, SecurityGroupRule, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::{Ask, filter};
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

const EGRESS: &str = "default_egress";
const ANYWHERE: &str = "0.0.0.0/0";
/// EC2's word for every protocol.
const EVERY: &str = "-1";

pub struct SecurityGroupKind;

#[async_trait]
impl Kind for SecurityGroupKind {
    type Seen = SecurityGroup;
    const NOUN: &'static str = "security group";
    const NAMED_BY_TAG: bool = false;

    fn schema() -> Schema {
        let egress = "Keeps the rule that EC2 gives to every new group: all traffic may leave. Without it, only \
                      what rules allow may.";
        Schema::new(
            "aws_security_group",
            "A firewall around instances; its rules are aws_security_group_rule.",
            [
                ("name", common::fixed("Its name, unique in the VPC.")),
                (
                    "description",
                    Attribute::optional(Type::String, "What it is for.").default("Made by mprov").replaces(),
                ),
                (
                    "vpc_id",
                    Attribute::optional_computed(
                        Type::String,
                        "The VPC; the default one where none is given.",
                    )
                    .replaces(),
                ),
                (EGRESS, Attribute::optional(Type::Bool, egress).default(true)),
                common::tags(),
                common::id("Of the group, sg-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<SecurityGroup>, Failure> {
        let request = ask.client().describe_security_groups();
        let request = match sought {
            Sought::Id(id) => request.group_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.security_groups).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .create_security_group()
            .group_name(planned.str("name")?)
            .description(planned.str("description")?)
            .set_vpc_id(planned.opt_str("vpc_id")?.map(str::to_owned))
            .tag_specifications(tags::specification(ask, ResourceType::SecurityGroup, planned)?);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.group_id)
    }

    fn id(seen: &SecurityGroup) -> String {
        seen.group_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &SecurityGroup) -> Standing {
        Standing::Ready
    }

    fn tags(seen: &SecurityGroup) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        ask: &Ask<'_>,
        seen: &SecurityGroup,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let id = Self::id(seen);
        let has_rule = default_rule(ask, &id).await?.is_some();
        Ok(Object::new()
            .with("id", id)
            .with("name", seen.group_name())
            .with("description", seen.description())
            .with("vpc_id", seen.vpc_id())
            .with(EGRESS, has_rule))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        if !common::differs(prior, planned, EGRESS) {
            return Ok(());
        }
        let id = prior.str("id")?;
        let done = match planned.bool(EGRESS)? {
            true => {
                let request = ask.client().authorize_security_group_egress().group_id(id);
                let request = request.ip_permissions(everything());
                ask.safely(|| request.clone().send()).await.map(drop)
            }
            false => {
                let request = ask.client().revoke_security_group_egress().group_id(id);
                let request = request.ip_permissions(everything());
                ask.safely(|| request.clone().send()).await.map(drop)
            }
        };
        match done {
            Err(failure) if failure.is("InvalidPermission.Duplicate") || failure.is_not_found() => Ok(()),
            done => done,
        }
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &SecurityGroup, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_security_group().group_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}

/// The rule that every new group has, if it is still there; one that an aws_security_group_rule
/// has made is that resource's.
async fn default_rule(ask: &Ask<'_>, group: &str) -> Result<Option<SecurityGroupRule>, Failure> {
    let request = ask.client().describe_security_group_rules().filters(filter("group-id", group));
    let found = ask.found(|| request.clone().send()).await?;
    let rules = found.and_then(|f| f.security_group_rules).unwrap_or_default();
    let is_default = |rule: &SecurityGroupRule| {
        rule.is_egress() == Some(true)
            && rule.ip_protocol() == Some(EVERY)
            && rule.cidr_ipv4() == Some(ANYWHERE)
            && !rule.tags().iter().any(|tag| tag.key() == Some(tags::TOKEN))
    };
    Ok(rules.into_iter().find(is_default))
}

fn everything() -> IpPermission {
    let anywhere = IpRange::builder().cidr_ip(ANYWHERE).build();
    IpPermission::builder().ip_protocol(EVERY).ip_ranges(anywhere).build()
}
