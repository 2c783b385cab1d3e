use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, Tag, Volume, VolumeState, VolumeType};
use mprov_sdk::{Attribute, Fault, Object, PlanRequest, Schema, Type, Verdict, plan_by_schema};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;
use crate::volume_change::{self, Target};

pub struct VolumeKind;

#[async_trait]
impl Kind for VolumeKind {
    type Seen = Volume;
    const NOUN: &'static str = "volume";

    fn schema() -> Schema {
        let number = |description| Attribute::optional_computed(Type::Number, description);
        let size =
            "GiB. It can grow in place and never shrink; as large as the snapshot where none is given.";
        Schema::new(
            "aws_volume",
            "A disk of EBS.",
            [
                common::name(),
                ("availability_zone", common::fixed("The zone, which must be the instance's.")),
                ("size", number(size)),
                ("type", Attribute::optional(Type::String, "As \"gp3\" or \"io2\".").default("gp3")),
                (
                    "iops",
                    number("Operations a second, for gp3, io1 and io2.").recomputed_by(["type", "size"]),
                ),
                ("throughput", number("MiB/s, for gp3.").recomputed_by(["type"])),
                (
                    "encrypted",
                    Attribute::optional_computed(
                        Type::Bool,
                        "Whether it is encrypted; the account's default or the snapshot's where not given.",
                    )
                    .replaces(),
                ),
                (
                    "kms_key_id",
                    Attribute::optional_computed(Type::String, "The key of KMS, as its ARN.").replaces(),
                ),
                (
                    "snapshot_id",
                    Attribute::optional(Type::String, "The snapshot that it begins as.").replaces(),
                ),
                ("status", Attribute::computed(Type::String, "EBS's state: \"available\" or \"in-use\".")),
                common::tags(),
                common::id("Of the volume, vol-…"),
            ],
        )
        .holds_data("everything on the volume")
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Volume>, Failure> {
        let request = ask.client().describe_volumes();
        let request = match sought {
            Sought::Id(id) => request.volume_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        Ok(found.and_then(|f| f.volumes).unwrap_or_default())
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let text = |name: &str| planned.opt_str(name).map(|text| text.map(str::to_owned));
        let request = ask
            .client()
            .create_volume()
            .availability_zone(planned.str("availability_zone")?)
            .set_size(common::int(planned, "size")?)
            .volume_type(VolumeType::from(planned.str("type")?))
            .set_iops(common::int(planned, "iops")?)
            .set_throughput(common::int(planned, "throughput")?)
            .set_encrypted(planned.opt_bool("encrypted")?)
            .set_kms_key_id(text("kms_key_id")?)
            .set_snapshot_id(text("snapshot_id")?)
            .client_token(ask.client_token())
            .tag_specifications(tags::specification(ask, ResourceType::Volume, planned)?);
        let made = ask.safely(|| request.clone().send()).await?;
        common::told(made.volume_id)
    }

    fn id(seen: &Volume) -> String {
        seen.volume_id().unwrap_or_default().to_owned()
    }

    fn standing(seen: &Volume) -> Standing {
        match seen.state() {
            Some(VolumeState::Creating) => Standing::Coming("the volume is being made".to_owned(), None),
            Some(VolumeState::Deleting) => Standing::Going,
            Some(VolumeState::Deleted) => Standing::Gone(None),
            Some(VolumeState::Error) => {
                Standing::Failed("EBS could not make the volume; often its key may not be used".to_owned())
            }
            _ => Standing::Ready,
        }
    }

    fn tags(seen: &Volume) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &Volume,
        _known: Option<&Object>,
    ) -> Result<Object, Failure> {
        Ok(Object::new()
            .with("id", seen.volume_id())
            .with("availability_zone", seen.availability_zone())
            .with("size", seen.size())
            .with("type", seen.volume_type().map(VolumeType::as_str))
            .with("iops", seen.iops().filter(|iops| *iops > 0))
            .with("throughput", seen.throughput().filter(|throughput| *throughput > 0))
            .with("encrypted", seen.encrypted().unwrap_or_default())
            .with("kms_key_id", seen.kms_key_id())
            .with("snapshot_id", seen.snapshot_id().filter(|id| !id.is_empty()))
            .with("status", seen.state().map(VolumeState::as_str)))
    }

    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
        let Some(target) = Target::between(prior, planned)? else { return Ok(()) };
        volume_change::change(ask, prior.str("id")?, &target).await
    }

    async fn remove(&self, ask: &Ask<'_>, _seen: &Volume, prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_volume().volume_id(prior.str("id")?);
        ask.plainly(|| request.clone().send()).await.map(drop)
    }

    fn refuse(&self, seen: &Object, config: &Object) -> Result<(), Fault> {
        let request = PlanRequest { config, stored: Some(seen), observed: Some(seen) };
        if plan_by_schema(&Self::schema(), &request).verdict == Verdict::Replace {
            return Ok(());
        }
        let id = seen.get("id").as_str().unwrap_or_default();
        volume_change::refuse_smaller(&format!("volume {id}"), seen.get("size"), config.get("size"))
    }
}
