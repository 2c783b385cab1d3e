use async_trait::async_trait;
use aws_sdk_ec2::types::{Instance, InstanceStateName, Tag};
use mprov_sdk::{Fault, Object, PlanRequest, Schema, Verdict};

use super::plan::plan;
use super::{change, observe, request, schema};
use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::volume_change;

pub struct InstanceKind;

#[async_trait]
impl Kind for InstanceKind {
    type Seen = Instance;
    const NOUN: &'static str = "instance";

    fn schema() -> Schema {
        schema::schema()
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Instance>, Failure> {
        let request = ask.client().describe_instances();
        let request = match sought {
            Sought::Id(id) => request.instance_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        let reservations = found.and_then(|f| f.reservations).unwrap_or_default();
        Ok(reservations.into_iter().flat_map(|r| r.instances.unwrap_or_default()).collect())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = request::run(ask, planned).await?;
        let made = ask.safely(|| request.clone().send()).await?;
        common::told(made.instances.unwrap_or_default().into_iter().find_map(|i| i.instance_id))
    }

    fn id(seen: &Instance) -> String {
        seen.instance_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &Instance) -> Standing {
        match seen.state().and_then(|s| s.name()) {
            Some(InstanceStateName::Pending) => {
                Standing::Coming("waiting until the instance runs".to_owned(), None)
            }
            Some(InstanceStateName::Stopping) => {
                Standing::Coming("waiting until the instance has stopped".to_owned(), None)
            }
            Some(InstanceStateName::ShuttingDown) => Standing::Going,
            Some(InstanceStateName::Terminated) => {
                let reason = seen.state_reason().and_then(|r| r.message());
                Standing::Gone(reason.map(|reason| format!("EC2 has terminated it: {reason}")))
            }
            _ => Standing::Ready,
        }
    }

    fn tags(seen: &Instance) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        ask: &Ask<'_>,
        seen: &Instance,
        known: Option<&Object>,
    ) -> Result<Object, Failure> {
        observe::attributes(ask, seen, known).await
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        change::change(ask, prior, planned).await
    }

    async fn remove(&self, ask: &Ask<'_>, seen: &Instance, _prior: &Object) -> Result<(), Failure> {
        let request = ask.client().terminate_instances().instance_ids(Self::id(seen));
        ask.plainly(|| request.clone().send()).await.map(drop)
    }

    fn refuse(&self, seen: &Object, config: &Object) -> Result<(), Fault> {
        let request = PlanRequest { config, stored: Some(seen), observed: Some(seen) };
        let (Some(now), Some(wanted)) =
            (seen.get("root_volume").as_object(), config.get("root_volume").as_object())
        else {
            return Ok(());
        };
        if plan(&schema::schema(), &request).verdict == Verdict::Replace {
            return Ok(());
        }
        let id = seen.get("root_volume_id").as_str().unwrap_or_default();
        volume_change::refuse_smaller(&format!("root volume {id}"), now.get("size"), wanted.get("size"))
    }
}
