use async_trait::async_trait;
use aws_sdk_ec2::types::{RouteTableAssociation, RouteTableAssociationStateCode as State, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::{Ask, filter};
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};

/// A subnet has at most one association of its own, so the subnet's id is the association's too.
pub struct RouteTableAssociationKind;

#[async_trait]
impl Kind for RouteTableAssociationKind {
    type Seen = RouteTableAssociation;
    const NOUN: &'static str = "route table association";

    fn schema() -> Schema {
        let association = "EC2's own id, rtbassoc-…; a change of the table gives a new one.";
        Schema::new(
            "aws_route_table_association",
            "Which route table a subnet uses.",
            [
                ("subnet_id", common::fixed("The subnet.")),
                ("route_table_id", Attribute::required(Type::String, "The route table.")),
                (
                    "association_id",
                    Attribute::computed(Type::String, association).recomputed_by(["route_table_id"]),
                ),
                common::id("The id of the subnet."),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<RouteTableAssociation>, Failure> {
        let (subnet, table) = match sought {
            Sought::Id(id) => (id, None),
            Sought::Made(planned) => (planned.str("subnet_id")?, Some(planned.str("route_table_id")?)),
        };
        let request = ask.client().describe_route_tables().filters(filter("association.subnet-id", subnet));
        let found = ask.found(|| request.clone().send()).await?;
        let tables = found.and_then(|f| f.route_tables).unwrap_or_default();
        let all = tables.into_iter().flat_map(|t| t.associations.unwrap_or_default());
        let ours = |a: &RouteTableAssociation| {
            a.subnet_id() == Some(subnet) && table.is_none_or(|table| a.route_table_id() == Some(table))
        };
        Ok(all.filter(ours).collect())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let subnet = planned.str("subnet_id")?;
        let request = ask
            .client()
            .associate_route_table()
            .subnet_id(subnet)
            .route_table_id(planned.str("route_table_id")?);
        ask.once(|| request.clone().send()).await?;
        Ok(subnet.to_owned())
    }

    fn id(seen: &RouteTableAssociation) -> String {
        seen.subnet_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &RouteTableAssociation) -> Standing {
        let state = seen.association_state();
        match state.and_then(|s| s.state()) {
            Some(State::Associating) => Standing::Coming("the table is being associated".to_owned(), None),
            Some(State::Disassociating) => Standing::Going,
            Some(State::Disassociated) => Standing::Gone(None),
            Some(State::Failed) => {
                let reason = state.and_then(|s| s.status_message()).unwrap_or("EC2 gives no reason");
                Standing::Failed(reason.to_owned())
            }
            _ => Standing::Ready,
        }
    }

    fn tags(_seen: &RouteTableAssociation) -> Option<&[Tag]> {
        None
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &RouteTableAssociation,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new()
            .with("id", seen.subnet_id())
            .with("subnet_id", seen.subnet_id())
            .with("route_table_id", seen.route_table_id())
            .with("association_id", seen.route_table_association_id()))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        if !common::differs(prior, planned, "route_table_id") {
            return Ok(());
        }
        let table = planned.str("route_table_id")?;
        let request = ask
            .client()
            .replace_route_table_association()
            .association_id(prior.str("association_id")?)
            .route_table_id(table);
        match ask.safely(|| request.clone().send()).await {
            // A try whose reply was lost has given the association another id.
            Err(failure) if failure.is_not_found() => {
                let now = self.look(ask, Sought::Id(prior.str("id")?)).await?;
                let is_done = now.iter().any(|a| a.route_table_id() == Some(table));
                if is_done { Ok(()) } else { Err(failure) }
            }
            result => result.map(drop),
        }
    }

    async fn remove(
        &self,
        ask: &Ask<'_>,
        seen: &RouteTableAssociation,
        _prior: &Object,
    ) -> Result<(), Failure> {
        let id = common::told(seen.route_table_association_id.clone())?;
        let request = ask.client().disassociate_route_table().association_id(id);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }

    fn is_meant(seen: &RouteTableAssociation, prior: &Object) -> bool {
        let id = prior.get("association_id").as_str();
        id.is_none() || id == seen.route_table_association_id()
    }
}
