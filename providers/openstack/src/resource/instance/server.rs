use mprov_sdk::{Call, Fault};
use serde_json::{Value as Json, json};

use crate::api::Api;
use crate::error::{ApiError, sentence, unless_gone};
use crate::json;
use crate::microversion::Microversion;
use crate::service::Service;
use crate::waiting::{self, Look};

/// States in which Nova works on a server (Compute API, "Server concepts").
const BUSY: [&str; 8] =
    ["BUILD", "REBUILD", "RESIZE", "REVERT_RESIZE", "REBOOT", "HARD_REBOOT", "MIGRATING", "PASSWORD"];

/// The version of the Compute API that tells a project's members why an action has failed.
const EVENT_DETAILS: Microversion = Microversion(2, 84);

pub async fn get(api: &Api, call: &Call, id: &str) -> Result<Option<Json>, ApiError> {
    let found = unless_gone(api.get(call, Service::Compute, &format!("/servers/{id}")).await)?;
    // Nova may show for a while what is gone.
    let found = found.map(|mut answer| answer["server"].take());
    Ok(found.filter(|server| !matches!(status(server), "DELETED" | "SOFT_DELETED")))
}

pub fn status(server: &Json) -> &str {
    json::str(server, "status")
}

pub fn task(server: &Json) -> Option<&str> {
    server["OS-EXT-STS:task_state"].as_str()
}

/// Whether it runs, or would if it were let.
pub fn is_running(server: &Json) -> bool {
    !matches!(status(server), "SHUTOFF" | "SHELVED" | "SHELVED_OFFLOADED" | "SUSPENDED" | "PAUSED")
}

/// Waits until Nova works on nothing of it.
pub async fn settled(api: &Api, call: &Call, id: &str) -> Result<Json, ApiError> {
    waiting::until(call, format!("instance {id}"), || async {
        let server = get(api, call, id).await?.ok_or_else(|| vanished(id))?;
        let at_rest = task(&server).is_none() && !BUSY.contains(&status(&server));
        let state = task(&server).unwrap_or(status(&server)).to_owned();
        Ok(if at_rest { Look::Done(server) } else { Look::Going(state) })
    })
    .await
}

pub async fn act(api: &Api, call: &Call, id: &str, action: Json) -> Result<(), ApiError> {
    api.post(call, Service::Compute, &format!("/servers/{id}/action"), &action).await.map(drop)
}

/// Brings it to run or not to run, from whatever state it rests in; what it is then.
pub async fn set_running(api: &Api, call: &Call, id: &str, running: bool, now: Json) -> Result<Json, Fault> {
    let what = || format!("instance {id} could not be {}", if running { "started" } else { "stopped" });
    let action = match (running, status(&now)) {
        (true, "SHUTOFF") => json!({"os-start": null}),
        (true, "SUSPENDED") => json!({"resume": null}),
        (true, "PAUSED") => json!({"unpause": null}),
        (true, "SHELVED" | "SHELVED_OFFLOADED") => json!({"unshelve": null}),
        (false, "ACTIVE") => json!({"os-stop": null}),
        _ => return Ok(now),
    };
    match act(api, call, id, action).await {
        // Whether it was carried out shows in the state.
        Ok(()) | Err(ApiError::Lost(_)) => {}
        Err(error) => return Err(error.fault(what())),
    }
    let then = settled(api, call, id).await.map_err(|e| e.fault(what()))?;
    match is_running(&then) == running && status(&then) != "ERROR" {
        true => Ok(then),
        false => Err(Fault::new(what()).detail(format!(
            "It is {} now. OpenStack says: {}",
            status(&then).to_lowercase(),
            why(api, call, id, &then).await
        ))),
    }
}

/// Nova's own reason for a server's state, with what to do where that is known.
pub async fn why(api: &Api, call: &Call, id: &str, server: &Json) -> String {
    let said = match server["fault"]["message"].as_str() {
        Some(message) if !message.is_empty() => Some(message.to_owned()),
        _ => last_event(api, call, id, None).await.ok().flatten(),
    };
    let Some(said) = said else { return "it gives no reason.".into() };
    let advice = if said.contains("No valid host") || said.contains("Exhausted all hosts") {
        " No machine of the cloud has room for this instance_type in this zone: choose a smaller type or another \
         availability_zone, or ask the cloud's operators."
    } else if said.contains("network-vif-plugged") || said.contains("Virtual Interface creation failed") {
        " Neutron did not connect the instance in time: the next apply tries again."
    } else {
        ""
    };
    format!("{}{advice}", sentence(&said))
}

/// Whether the newest of those actions has failed.
pub async fn has_failed(api: &Api, call: &Call, id: &str, action: &str) -> Result<bool, ApiError> {
    Ok(last_event(api, call, id, Some(action)).await?.is_some())
}

/// What went wrong in the newest action of that kind; none where nothing did.
async fn last_event(
    api: &Api,
    call: &Call,
    id: &str,
    action: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let path = format!("/servers/{id}/os-instance-actions");
    let actions = api.list(call, Service::Compute, &path, "instanceActions", &[]).await?;
    let newest = actions.iter().filter(|a| action.is_none_or(|wanted| a["action"] == wanted));
    let Some(newest) = newest.max_by_key(|a| json::str(a, "start_time")) else { return Ok(None) };
    let path = format!("{path}/{}", json::str(newest, "request_id"));
    let answer =
        unless_gone(api.get_in(call, Service::Compute, EVENT_DETAILS, &path).await)?.unwrap_or_default();
    let action = &answer["instanceAction"];
    let Some(event) = json::items(&action["events"]).iter().find(|e| e["result"] == "Error") else {
        // Older versions show events to administrators only.
        let failed = action["message"] == "Error";
        return Ok(failed.then(|| format!("{} failed", json::str(newest, "action"))));
    };
    let trace = event["traceback"].as_str().unwrap_or_default().trim();
    let told = event["details"].as_str().or_else(|| trace.lines().last()).filter(|told| !told.is_empty());
    Ok(Some(told.map_or_else(
        || format!("{} failed in {}", json::str(newest, "action"), json::str(event, "event")),
        str::to_owned,
    )))
}

/// A flavour by its id or name.
pub async fn flavour(api: &Api, call: &Call, wanted: &str) -> Result<Json, Fault> {
    let what = || format!("instance type {wanted} cannot be looked up");
    let flavours = api.list(call, Service::Compute, "/flavors/detail", "flavors", &[]).await;
    let flavours = flavours.map_err(|e| e.fault(what()))?;
    let by = |key: &str| flavours.iter().find(|f| f[key] == wanted);
    by("id").or_else(|| by("name")).cloned().ok_or_else(|| {
        let mut names: Vec<_> = flavours.iter().map(|f| json::str(f, "name")).collect();
        names.sort_unstable();
        Fault::new(format!("there is no instance type {wanted}"))
            .detail(format!("This project may use: {}.", names.join(", ")))
    })
}

pub fn vanished(id: &str) -> ApiError {
    ApiError::Fault(
        Fault::new(format!("instance {id} is not there any more")).detail("Somebody else has removed it."),
    )
}
