use async_trait::async_trait;
use aws_sdk_ec2::primitives::DateTimeFormat;
use aws_sdk_ec2::types::{ResourceType, Snapshot, SnapshotState, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

pub struct SnapshotKind;

#[async_trait]
impl Kind for SnapshotKind {
    type Seen = Snapshot;
    const NOUN: &'static str = "snapshot";
    const SLOW: bool = true;

    fn schema() -> Schema {
        let text = |description| Attribute::computed(Type::String, description);
        Schema::new(
            "aws_snapshot",
            "A copy of a volume as it was at one moment.",
            [
                common::name(),
                ("volume_id", common::fixed("The volume.")),
                (
                    "description",
                    Attribute::optional(Type::String, "What it is for.").default("Made by mprov").replaces(),
                ),
                ("size", Attribute::computed(Type::Number, "GiB of the volume.")),
                ("status", text("\"completed\" once all is copied.")),
                ("created_at", text("The moment it shows, RFC 3339.")),
                common::tags(),
                common::id("Of the snapshot, snap-…"),
            ],
        )
        .holds_data("the copy of the volume")
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Snapshot>, Failure> {
        let request = ask.client().describe_snapshots();
        let request = match sought {
            Sought::Id(id) => request.snapshot_ids(id),
            Sought::Made(_) => request.owner_ids("self").filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.snapshots).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .create_snapshot()
            .volume_id(planned.str("volume_id")?)
            .set_description(planned.opt_str("description")?.map(str::to_owned))
            .tag_specifications(tags::specification(ask, ResourceType::Snapshot, planned)?);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.snapshot_id)
    }

    fn id(seen: &Snapshot) -> String {
        seen.snapshot_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &Snapshot) -> Standing {
        match seen.state() {
            Some(SnapshotState::Pending) => {
                let done = seen.progress().and_then(|text| text.trim_end_matches('%').parse().ok());
                Standing::Coming("the volume is being copied".to_owned(), done)
            }
            Some(SnapshotState::Error) => {
                let reason = seen.state_message().unwrap_or("EBS could not copy the volume");
                Standing::Failed(reason.to_owned())
            }
            _ => Standing::Ready,
        }
    }

    fn tags(seen: &Snapshot) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &Snapshot,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let created = seen.start_time().and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
        Ok(Object::new()
            .with("id", seen.snapshot_id())
            .with("volume_id", seen.volume_id())
            .with("description", seen.description().filter(|text| !text.is_empty()))
            .with("size", seen.volume_size())
            .with("status", seen.state().map(SnapshotState::as_str))
            .with("created_at", created))
    }

    async fn change(&self, _ask: &Ask<'_>, _prior: &Object, _planned: &Object) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &Snapshot, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_snapshot().snapshot_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }
}
