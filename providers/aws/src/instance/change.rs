use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, IamInstanceProfileSpecification, Instance, InstanceStateName,
    SecureBlobAttributeValue,
};
use mprov_sdk::{Object, Value};
use tokio::time::Instant;

use super::observe;
use super::schema::{RESTARTING, ROOT_FIXED};
use crate::ask::{Ask, filter};
use crate::common;
use crate::failure::Failure;
use crate::volume_change::{self, Target};

/// Makes an instance what the plan says; what can be done while it runs comes first.
pub async fn change(ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure> {
    let id = prior.str("id")?;
    if common::differs(prior, planned, "security_group_ids") {
        let groups = planned.strings("security_group_ids")?;
        let request = ask.client().modify_instance_attribute().instance_id(id).set_groups(Some(groups));
        ask.safely(|| request.clone().send()).await?;
    }
    if common::differs(prior, planned, "termination_protection") {
        let value = AttributeBooleanValue::builder().value(planned.bool("termination_protection")?).build();
        let request = ask.client().modify_instance_attribute().instance_id(id).disable_api_termination(value);
        ask.safely(|| request.clone().send()).await?;
    }
    if !prior.get("iam_instance_profile").same(planned.get("iam_instance_profile")) {
        profile(ask, id, planned.opt_str("iam_instance_profile")?).await?;
    }
    if common::differs(prior, planned, "root_volume") {
        root_volume(ask, id, planned).await?;
    }
    let changed = RESTARTING.into_iter().filter(|name| !prior.get(name).same(planned.get(name)));
    let changed: Vec<&str> = changed.collect();
    if !changed.is_empty() {
        stop(ask, id).await?;
        let done = modify_stopped(ask, id, planned, &changed).await;
        // Whatever came of it: the instance was running and is to run again.
        start(ask, id).await?;
        return done;
    }
    if common::differs(prior, planned, "status") {
        start(ask, id).await?;
    }
    Ok(())
}

async fn modify_stopped(ask: &Ask<'_>, id: &str, planned: &Object, changed: &[&str]) -> Result<(), Failure> {
    for name in changed {
        let request = ask.client().modify_instance_attribute().instance_id(id);
        let request = match *name {
            "instance_type" => {
                let value = AttributeValue::builder().value(planned.str("instance_type")?).build();
                request.instance_type(value)
            }
            _ => {
                let data = planned.opt_str("user_data")?.unwrap_or_default();
                request.user_data(SecureBlobAttributeValue::builder().value(Blob::new(data)).build())
            }
        };
        ask.safely(|| request.clone().send()).await?;
    }
    Ok(())
}

async fn stop(ask: &Ask<'_>, id: &str) -> Result<(), Failure> {
    let request = ask.client().stop_instances().instance_ids(id);
    ask.safely(|| request.clone().send()).await?;
    wait_for(ask, id, &InstanceStateName::Stopped, "waiting until the instance has stopped").await
}

async fn start(ask: &Ask<'_>, id: &str) -> Result<(), Failure> {
    let seen = look(ask, id).await?;
    if state(seen.as_ref()) == Some(&InstanceStateName::Stopping) {
        wait_for(ask, id, &InstanceStateName::Stopped, "waiting until the instance has stopped").await?;
    }
    let request = ask.client().start_instances().instance_ids(id);
    ask.safely(|| request.clone().send()).await?;
    wait_for(ask, id, &InstanceStateName::Running, "waiting until the instance runs").await
}

async fn wait_for(ask: &Ask<'_>, id: &str, wanted: &InstanceStateName, message: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + ask.pace().patience;
    let mut pause = ask.pace().poll;
    loop {
        let seen = look(ask, id).await?;
        match state(seen.as_ref()) {
            Some(state) if state == wanted => return Ok(()),
            Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown) => {
                let reason = seen.as_ref().and_then(|s| s.state_reason()).and_then(|r| r.message());
                let reason = reason.unwrap_or("EC2 gives no reason");
                return Err(Failure::refused("Terminated", format!("the instance was terminated: {reason}")));
            }
            _ => ask.call.events.progress(message),
        }
        if Instant::now() >= deadline {
            return Err(Failure::refused("Timeout", format!("instance {id} is not {} yet", wanted.as_str())));
        }
        ask.pause(pause).await?;
        pause = ask.pace().next_poll(pause);
    }
}

async fn look(ask: &Ask<'_>, id: &str) -> Result<Option<Instance>, Failure> {
    let request = ask.client().describe_instances().instance_ids(id);
    let found = ask.found(|| request.clone().send()).await?;
    let reservations = found.and_then(|f| f.reservations).unwrap_or_default();
    Ok(reservations.into_iter().find_map(|r| r.instances?.into_iter().next()))
}

fn state(seen: Option<&Instance>) -> Option<&InstanceStateName> {
    seen?.state()?.name()
}

/// EC2 knows the profile of an instance as an association of the two.
async fn profile(ask: &Ask<'_>, id: &str, wanted: Option<&str>) -> Result<(), Failure> {
    let request =
        ask.client().describe_iam_instance_profile_associations().filters(filter("instance-id", id));
    let found = ask.safely(|| request.clone().send()).await?;
    let all = found.iam_instance_profile_associations.unwrap_or_default();
    let now = all.into_iter().find(|a| a.state().is_none_or(|s| s.as_str().starts_with("associat")));
    let association = now.and_then(|a| a.association_id);
    let named = |name: &str| IamInstanceProfileSpecification::builder().name(name).build();
    match (association, wanted) {
        (Some(association), Some(wanted)) => {
            let request = ask.client().replace_iam_instance_profile_association();
            let request = request.association_id(association).iam_instance_profile(named(wanted));
            ask.safely(|| request.clone().send()).await.map(drop)
        }
        (None, Some(wanted)) => {
            let request = ask.client().associate_iam_instance_profile();
            let request = request.instance_id(id).iam_instance_profile(named(wanted));
            ask.safely(|| request.clone().send()).await.map(drop)
        }
        (Some(association), None) => {
            let request = ask.client().disassociate_iam_instance_profile().association_id(association);
            ask.safely(|| request.clone().send()).await.map(drop)
        }
        (None, None) => Ok(()),
    }
}

async fn root_volume(ask: &Ask<'_>, id: &str, planned: &Object) -> Result<(), Failure> {
    let Some(wanted) = planned.object("root_volume")? else { return Ok(()) };
    let seen = look(ask, id).await?;
    let volume = seen.as_ref().and_then(observe::root_volume_id);
    let volume = volume.ok_or_else(|| Failure::refused("NoRootVolume", "it does not boot from EBS"))?;
    let disk = observe::disk(ask, volume).await?;
    let disk = disk.as_ref().map(observe::fields).unwrap_or_default();
    if let Some(name) = ROOT_FIXED.into_iter().find(|name| common::differs(&disk, wanted, name)) {
        let message = format!("\"{name}\" of a root volume is decided when the instance is made");
        return Err(Failure::refused("FixedRootVolume", message));
    }
    let size: &Value = wanted.get("size");
    volume_change::refuse_smaller(&format!("root volume {volume}"), disk.get("size"), size)?;
    match Target::between(&disk, wanted)? {
        Some(target) => volume_change::change(ask, volume, &target).await,
        None => Ok(()),
    }
}
