use aws_sdk_ec2::types::{VolumeModificationState, VolumeType};
use mprov_sdk::{Fault, Object, Value};
use tokio::time::Instant;

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;

/// What a volume is to become; what is none stays (Amazon EC2 API Reference, ModifyVolume).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    size: Option<i32>,
    kind: Option<String>,
    iops: Option<i32>,
    throughput: Option<i32>,
}

impl Target {
    /// What has to change; none if nothing has to.
    pub fn between(prior: &Object, planned: &Object) -> Result<Option<Self>, Failure> {
        let number = |name| match common::differs(prior, planned, name) {
            true => common::int(planned, name),
            false => Ok(None),
        };
        let kind = match common::differs(prior, planned, "type") {
            true => planned.opt_str("type")?.map(str::to_owned),
            false => None,
        };
        let target =
            Self { size: number("size")?, kind, iops: number("iops")?, throughput: number("throughput")? };
        Ok((target != Self::default()).then_some(target))
    }
}

/// EBS cannot make a volume smaller.
pub fn refuse_smaller(what: &str, now: &Value, wanted: &Value) -> Result<(), Fault> {
    match (now.as_i64(), wanted.as_i64()) {
        (Some(now), Some(wanted)) if wanted < now => Err(Fault::new(format!(
            "{what} cannot become smaller than it is"
        ))
        .detail(format!(
            "It has {now} GiB and \"size\" asks for {wanted}. EBS only makes volumes larger: set \"size\" to \
                 {now} or more, or make a second, smaller volume and copy the data."
        ))),
        _ => Ok(()),
    }
}

/// Changes the volume and waits until the guest can see the new size.
pub async fn change(ask: &Ask<'_>, id: &str, target: &Target) -> Result<(), Failure> {
    let request = ask
        .client()
        .modify_volume()
        .volume_id(id)
        .set_size(target.size)
        .set_volume_type(target.kind.as_deref().map(VolumeType::from))
        .set_iops(target.iops)
        .set_throughput(target.throughput);
    match ask.safely(|| request.clone().send()).await {
        Ok(_) => {}
        // The reply of the first try may have been lost: then it is this very change that is under
        // way.
        Err(failure) if is_one_too_many(&failure) => match latest(ask, id).await? {
            Some(modification) if modification.target == *target || covers(&modification, target) => {}
            _ => return Err(failure),
        },
        Err(failure) => return Err(failure),
    }
    wait(ask, id).await
}

fn is_one_too_many(failure: &Failure) -> bool {
    failure.is("IncorrectModificationState") || failure.is("VolumeModificationRateExceeded")
}

/// Whether the change leads to all that is wanted.
fn covers(modification: &Modification, wanted: &Target) -> bool {
    fn holds<T: PartialEq>(wanted: &Option<T>, has: &Option<T>) -> bool {
        wanted.is_none() || wanted == has
    }
    let is = &modification.target;
    holds(&wanted.size, &is.size)
        && holds(&wanted.kind, &is.kind)
        && holds(&wanted.iops, &is.iops)
        && holds(&wanted.throughput, &is.throughput)
}

struct Modification {
    target: Target,
    state: Option<VolumeModificationState>,
    progress: Option<i64>,
    message: String,
}

/// The newest change of the volume.
async fn latest(ask: &Ask<'_>, id: &str) -> Result<Option<Modification>, Failure> {
    let request = ask.client().describe_volumes_modifications().volume_ids(id);
    let found = ask.found(|| request.clone().send()).await?;
    let all = found.and_then(|f| f.volumes_modifications).unwrap_or_default();
    let newest = all.into_iter().max_by_key(|m| m.start_time.map(|time| time.secs()));
    Ok(newest.map(|m| Modification {
        target: Target {
            size: m.target_size,
            kind: m.target_volume_type.map(|kind| kind.as_str().to_owned()),
            iops: m.target_iops,
            throughput: m.target_throughput,
        },
        state: m.modification_state,
        progress: m.progress,
        message: m.status_message.unwrap_or_default(),
    }))
}

/// A volume that is being optimised has its new size already and can be used.
async fn wait(ask: &Ask<'_>, id: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + ask.pace().patience;
    let mut pause = ask.pace().poll;
    loop {
        let modification = latest(ask, id).await?;
        match modification.as_ref().and_then(|m| m.state.as_ref()) {
            Some(VolumeModificationState::Optimizing | VolumeModificationState::Completed) => return Ok(()),
            Some(VolumeModificationState::Failed) => {
                let message = modification.map(|m| m.message).unwrap_or_default();
                return Err(Failure::refused("ModificationFailed", message));
            }
            _ => {}
        }
        let done = modification.and_then(|m| u64::try_from(m.progress?).ok()).unwrap_or_default();
        ask.call.events.progress_of("the volume is being changed", done, 100);
        if Instant::now() >= deadline {
            return Err(Failure::refused("Timeout", format!("volume {id} is still being changed")));
        }
        ask.pause(pause).await?;
        pause = ask.pace().next_poll(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_asked_for() {
        let prior = Object::new().with("size", 10).with("type", "gp3").with("iops", 3000);
        let planned = prior.clone().with("size", 20).with("throughput", Value::Null);
        let target = Target::between(&prior, &planned).expect("numbers");
        assert_eq!(target, Some(Target { size: Some(20), ..Target::default() }));
        assert_eq!(Target::between(&prior, &prior).expect("numbers"), None);
    }

    #[test]
    fn smaller_is_refused_and_the_unknown_is_not() {
        assert!(refuse_smaller("x", &20.into(), &10.into()).is_err());
        assert!(refuse_smaller("x", &20.into(), &20.into()).is_ok());
        assert!(refuse_smaller("x", &20.into(), &Value::Null).is_ok());
        assert!(refuse_smaller("x", &20.into(), &Value::unknown(mprov_sdk::Type::Number)).is_ok());
    }
}
