use std::borrow::Cow;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroupRule, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, Tag, UserIdGroupPair,
};
use mprov_sdk::{Attribute, Object, PlanRequest, Planned, Schema, Type, Value, plan_by_schema};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

pub const KIND: &str = "aws_security_group_rule";
pub const DIRECTIONS: [&str; 2] = ["ingress", "egress"];
pub const PROTOCOLS: [&str; 4] = ["tcp", "udp", "icmp", "any"];
const SOURCE: &str = "source_security_group_id";

pub struct SecurityGroupRuleKind;

#[async_trait]
impl Kind for SecurityGroupRuleKind {
    type Seen = SecurityGroupRule;
    const NOUN: &'static str = "security group rule";
    const NAMED_BY_TAG: bool = false;

    fn schema() -> Schema {
        let number = |description| Attribute::optional(Type::Number, description);
        let text = |description| Attribute::optional(Type::String, description);
        Schema::new(
            KIND,
            "Traffic that a security group lets through.",
            [
                ("security_group_id", common::fixed("The group.")),
                ("direction", common::fixed("\"ingress\" (in) or \"egress\" (out).")),
                ("protocol", text("\"tcp\", \"udp\", \"icmp\" or \"any\".").default("tcp")),
                ("from_port", number("The first port; with icmp the type. Not with \"any\".")),
                ("to_port", number("The last port; with icmp the code. Not with \"any\".")),
                ("cidr", text("The addresses at the other end, as 0.0.0.0/0 or ::/0.")),
                (SOURCE, text("The group at the other end, instead of \"cidr\".")),
                ("description", text("What it is for.")),
                common::id("Of the rule, sgr-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<SecurityGroupRule>, Failure> {
        let request = ask.client().describe_security_group_rules();
        let request = match sought {
            Sought::Id(id) => request.security_group_rule_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.security_group_rules).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let group = planned.str("security_group_id")?;
        let tags = tags::specification(ask, ResourceType::SecurityGroupRule, planned)?;
        let permission = permission(planned)?;
        let rules = match planned.str("direction")? {
            "egress" => {
                let request = ask.client().authorize_security_group_egress().group_id(group);
                let request = request.ip_permissions(permission).tag_specifications(tags);
                ask.once(|| request.clone().send()).await?.security_group_rules
            }
            _ => {
                let request = ask.client().authorize_security_group_ingress().group_id(group);
                let request = request.ip_permissions(permission).tag_specifications(tags);
                ask.once(|| request.clone().send()).await?.security_group_rules
            }
        };
        common::told(rules.unwrap_or_default().into_iter().find_map(|rule| rule.security_group_rule_id))
    }

    fn id(seen: &SecurityGroupRule) -> String {
        seen.security_group_rule_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &SecurityGroupRule) -> Standing {
        Standing::Ready
    }

    fn tags(_seen: &SecurityGroupRule) -> Option<&[Tag]> {
        None
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &SecurityGroupRule,
        known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let egress = seen.is_egress() == Some(true);
        let protocol = match seen.ip_protocol() {
            Some("-1") => Some("any"),
            other => other,
        };
        // EC2 says -1 for every port, which a configuration may say or leave out.
        let port = |name: &str, port: Option<i32>| {
            let asked = known.map_or(Value::Null, |known| known.get(name).clone());
            match port.filter(|port| *port != -1) {
                None if asked.is_null() || asked.same(&Value::from(-1)) => asked,
                None if protocol != Some("any") => Value::from(-1),
                port => Value::from(port),
            }
        };
        let source = seen.referenced_group_info().and_then(|group| group.group_id());
        Ok(Object::new()
            .with("id", seen.security_group_rule_id())
            .with("security_group_id", seen.group_id())
            .with("direction", if egress { "egress" } else { "ingress" })
            .with("protocol", protocol)
            .with("from_port", port("from_port", seen.from_port()))
            .with("to_port", port("to_port", seen.to_port()))
            .with("cidr", seen.cidr_ipv4().or(seen.cidr_ipv6()))
            .with(SOURCE, source)
            .with("description", seen.description().filter(|text| !text.is_empty())))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        let changing = ["protocol", "from_port", "to_port", "cidr", SOURCE, "description"];
        if changing.into_iter().all(|name| prior.get(name).same(planned.get(name))) {
            return Ok(());
        }
        let rule = SecurityGroupRuleUpdate::builder()
            .security_group_rule_id(prior.str("id")?)
            .security_group_rule(wanted(planned)?)
            .build();
        let request = ask
            .client()
            .modify_security_group_rules()
            .group_id(planned.str("security_group_id")?)
            .security_group_rules(rule);
        ask.safely(|| request.clone().send()).await.map(drop)
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &SecurityGroupRule, prior: &Object) -> Result<(), Failure> {
        let (group, id) = (prior.str("security_group_id")?, prior.str("id")?);
        match prior.str("direction")? {
            "egress" => {
                let request = ask.client().revoke_security_group_egress().group_id(group);
                let request = request.security_group_rule_ids(id);
                ask.plainly(|| request.clone().send()).await.map(drop)
            }
            _ => {
                let request = ask.client().revoke_security_group_ingress().group_id(group);
                let request = request.security_group_rule_ids(id);
                ask.plainly(|| request.clone().send()).await.map(drop)
            }
        }
    }
}

/// The comparison for one rule: by the schema, and that a rule cannot become one of another family
/// (Amazon EC2 API Reference, SecurityGroupRuleRequest).
pub fn plan(schema: &Schema, request: &PlanRequest<'_>) -> Planned {
    let mut schema = Cow::Borrowed(schema);
    if request.observed.is_some_and(|prior| family(prior) != family(request.config)) {
        for name in ["cidr", SOURCE] {
            schema.to_mut().attributes.get_mut(name).expect("it is in the schema").replaces = true;
        }
    }
    plan_by_schema(&schema, request)
}

#[derive(PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
    Group,
    /// Not known yet: taken for another one, so that the plan promises no less than happens.
    Unknown,
}

fn family(rule: &Object) -> Family {
    match rule.get("cidr").as_str() {
        Some(cidr) if cidr.contains(':') => Family::Ipv6,
        Some(_) => Family::Ipv4,
        None if rule.get("cidr").is_unknown() => Family::Unknown,
        None => Family::Group,
    }
}

/// All of a rule, as a change of it has to say it.
fn wanted(planned: &Object) -> Result<SecurityGroupRuleRequest, Failure> {
    let protocol = match planned.str("protocol")? {
        "any" => "-1",
        other => other,
    };
    let rule = SecurityGroupRuleRequest::builder()
        .ip_protocol(protocol)
        .from_port(common::int(planned, "from_port")?.unwrap_or(-1))
        .to_port(common::int(planned, "to_port")?.unwrap_or(-1))
        .set_description(planned.opt_str("description")?.map(str::to_owned))
        .set_referenced_group_id(planned.opt_str(SOURCE)?.map(str::to_owned));
    Ok(match planned.opt_str("cidr")? {
        Some(cidr) if cidr.contains(':') => rule.cidr_ipv6(cidr).build(),
        Some(cidr) => rule.cidr_ipv4(cidr).build(),
        None => rule.build(),
    })
}

fn permission(planned: &Object) -> Result<IpPermission, Failure> {
    let protocol = match planned.str("protocol")? {
        "any" => "-1",
        other => other,
    };
    let description = planned.opt_str("description")?.map(str::to_owned);
    let permission = IpPermission::builder().ip_protocol(protocol);
    let permission = match protocol {
        "-1" => permission,
        _ => permission
            .set_from_port(common::int(planned, "from_port")?)
            .set_to_port(common::int(planned, "to_port")?),
    };
    if let Some(source) = planned.opt_str(SOURCE)? {
        let pair = UserIdGroupPair::builder().group_id(source).set_description(description).build();
        return Ok(permission.user_id_group_pairs(pair).build());
    }
    let cidr = planned.str("cidr")?;
    Ok(match cidr.contains(':') {
        true => permission
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).set_description(description).build())
            .build(),
        false => permission
            .ip_ranges(IpRange::builder().cidr_ip(cidr).set_description(description).build())
            .build(),
    })
}
