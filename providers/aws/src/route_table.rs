use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, Route, RouteOrigin, RouteTable, Tag};
use mprov_sdk::{Attribute, Field, Object, Schema, Type, Value};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

/// Where a route can lead; each route has exactly one.
pub const TARGETS: [&str; 4] =
    ["gateway_id", "nat_gateway_id", "network_interface_id", "vpc_peering_connection_id"];

pub struct RouteTableKind;

/// A route: its attribute among [`TARGETS`], and the value.
type Target = (&'static str, String);

#[async_trait]
impl Kind for RouteTableKind {
    type Seen = RouteTable;
    const NOUN: &'static str = "route table";

    fn schema() -> Schema {
        let fields = [("cidr", Field::required(Type::String))]
            .into_iter()
            .chain(TARGETS.map(|name| (name, Field::optional(Type::String))));
        let routes = Type::set(Type::object(fields.collect::<Vec<_>>()));
        let routes = Attribute {
            ty: routes,
            ..Attribute::blocks(
                [("cidr", Field::required(Type::String))],
                "A route besides the one inside of the VPC: destination and where it leads.",
            )
        };
        Schema::new(
            "aws_route_table",
            "Where traffic of subnets goes.",
            [
                common::name(),
                ("vpc_id", common::fixed("The VPC.")),
                ("route", routes),
                common::tags(),
                common::id("Of the table, rtb-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<RouteTable>, Failure> {
        let request = ask.client().describe_route_tables();
        let request = match sought {
            Sought::Id(id) => request.route_table_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.route_tables).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .create_route_table()
            .vpc_id(planned.str("vpc_id")?)
            .client_token(ask.client_token())
            .tag_specifications(tags::specification(ask, ResourceType::RouteTable, planned)?);
        let made = ask.safely(|| request.clone().send()).await?;
        common::told(made.route_table.and_then(|t| t.route_table_id))
    }

    fn id(seen: &RouteTable) -> String {
        seen.route_table_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &RouteTable) -> Standing {
        Standing::Ready
    }

    fn tags(seen: &RouteTable) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &RouteTable,
        known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let routes: Vec<Value> = seen.routes().iter().filter_map(block).collect();
        let routes = match routes.is_empty() && known.is_none_or(|k| k.get("route").is_null()) {
            true => Value::Null,
            false => Value::set(routes),
        };
        Ok(Object::new()
            .with("id", seen.route_table_id())
            .with("vpc_id", seen.vpc_id())
            .with("route", routes))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        let (had, wants) = (routes(prior)?, routes(planned)?);
        let id = prior.str("id")?;
        for (cidr, target) in wants.iter().filter(|(cidr, target)| had.get(*cidr) != Some(target)) {
            match had.contains_key(cidr) {
                true => replace(ask, id, cidr, target).await?,
                false => add(ask, id, cidr, target).await?,
            }
        }
        for cidr in had.keys().filter(|cidr| !wants.contains_key(*cidr)) {
            let request = ask.client().delete_route().route_table_id(id);
            let request = match is_ipv6(cidr) {
                true => request.destination_ipv6_cidr_block(cidr),
                false => request.destination_cidr_block(cidr),
            };
            ask.found(|| request.clone().send()).await?;
        }
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &RouteTable, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_route_table().route_table_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}

/// A route that is not there of itself.
fn block(route: &Route) -> Option<Value> {
    if route.origin() != Some(&RouteOrigin::CreateRoute) {
        return None;
    }
    let cidr = route.destination_cidr_block().or(route.destination_ipv6_cidr_block())?;
    let targets = [
        route.gateway_id(),
        route.nat_gateway_id(),
        route.network_interface_id(),
        route.vpc_peering_connection_id(),
    ];
    let targets = TARGETS.into_iter().zip(targets).map(|(name, id)| (name, Value::from(id)));
    Some(Value::object([("cidr", Value::from(cidr))].into_iter().chain(targets)))
}

fn routes(object: &Object) -> Result<BTreeMap<String, Target>, Failure> {
    let mut routes = BTreeMap::new();
    for block in object.blocks("route")? {
        let target = TARGETS.into_iter().find_map(|name| Some((name, block.get(name).as_str()?.to_owned())));
        let target = target.ok_or_else(|| Failure::refused("NoTarget", "a route leads nowhere"))?;
        routes.insert(block.str("cidr")?.to_owned(), target);
    }
    Ok(routes)
}

fn is_ipv6(cidr: &str) -> bool {
    cidr.contains(':')
}

async fn add(ask: &Ask<'_>, table: &str, cidr: &str, target: &Target) -> Result<(), Failure> {
    let request = ask.client().create_route().route_table_id(table);
    let request = match is_ipv6(cidr) {
        true => request.destination_ipv6_cidr_block(cidr),
        false => request.destination_cidr_block(cidr),
    };
    let (name, id) = target;
    let request = match *name {
        "gateway_id" => request.gateway_id(id),
        "nat_gateway_id" => request.nat_gateway_id(id),
        "network_interface_id" => request.network_interface_id(id),
        _ => request.vpc_peering_connection_id(id),
    };
    match ask.safely(|| request.clone().send()).await {
        // Of a try whose reply was lost: made to lead where it should.
        Err(failure) if failure.is("RouteAlreadyExists") => replace(ask, table, cidr, target).await,
        result => result.map(drop),
    }
}

async fn replace(ask: &Ask<'_>, table: &str, cidr: &str, target: &Target) -> Result<(), Failure> {
    let request = ask.client().replace_route().route_table_id(table);
    let request = match is_ipv6(cidr) {
        true => request.destination_ipv6_cidr_block(cidr),
        false => request.destination_cidr_block(cidr),
    };
    let (name, id) = target;
    let request = match *name {
        "gateway_id" => request.gateway_id(id),
        "nat_gateway_id" => request.nat_gateway_id(id),
        "network_interface_id" => request.network_interface_id(id),
        _ => request.vpc_peering_connection_id(id),
    };
    ask.safely(|| request.clone().send()).await.map(drop)
}
