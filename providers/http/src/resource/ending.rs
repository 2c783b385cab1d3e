use mprov_sdk::{Call, Fault, Object};

use super::description::{Description, Read, Wait};
use super::doubt;
use super::observation::look;
use super::sending::send;
use super::waiting::{Goal, Missed, wait};
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

/// Removes it, and waits until it is gone where the API does that later.
pub async fn delete(connection: &Connection, call: &Call, prior: &Object) -> Result<(), Fault> {
    if doubt::is_in_doubt(prior) {
        return Err(doubt::unresolved());
    }
    let (delete, read) = described(prior)?;
    let fill = Fill { id: Some(prior.str("id")?), token: prior.opt_str("token")? };
    let request = delete.request(connection, &fill)?;
    let reply = match send(connection, call, &delete, &request).await {
        Ok(reply) => reply,
        Err(Trouble::Lost(fault)) => {
            let detail = format!("{}\nRun the command again: it looks what is left.", fault.detail);
            return Err(Fault { detail, ..fault });
        }
        Err(trouble) => return Err(trouble.fault()),
    };
    if reply.is_gone() {
        return Ok(());
    }
    if !delete.accepts(reply.status) {
        return Err(refused(&request, &reply));
    }
    // 202 says that it is not done yet (RFC 9110, section 15.3.3).
    let accepted = (reply.status == 202).then(Wait::until_gone);
    let Some(until) = delete.wait.or(accepted) else { return Ok(()) };
    wait(connection, call, &until, &read, &fill, Goal::Gone, Some(&reply)).await.map_err(Missed::fault)
}

/// What an interrupted delete has left. Where the description tells the states of a delete under
/// way, it is waited for.
pub async fn remains(connection: &Connection, call: &Call, prior: &Object) -> Result<bool, Fault> {
    let (delete, read) = described(prior)?;
    let fill = Fill { id: Some(prior.str("id")?), token: prior.opt_str("token")? };
    let until = delete.wait.unwrap_or_else(Wait::until_gone);
    let Some(view) = look(connection, call, &read, &fill).await.map_err(Trouble::fault)? else {
        return Ok(false);
    };
    let state = until.place.as_ref().and_then(|place| place.text(&view));
    let under_way = state.is_some_and(|state| until.pending.contains(&state));
    // Without such states, a moment is left to a request that was on its way.
    let patience = match under_way {
        true => until,
        false => Wait { timeout: std::time::Duration::from_secs(3), ..Wait::until_gone() },
    };
    match wait(connection, call, &patience, &read, &fill, Goal::Gone, None).await {
        Ok(()) => Ok(false),
        Err(Missed::Failed(_)) => Ok(true),
        Err(Missed::Late(fault)) if under_way => Err(fault),
        Err(Missed::Late(_)) => Ok(true),
    }
}

fn described(prior: &Object) -> Result<(Description, Read), Fault> {
    match (prior.object("delete")?, prior.object("read")?) {
        (Some(delete), Some(read)) => Ok((Description::parse(delete)?, Read::parse(read)?)),
        _ => Err(Fault::new("how it is deleted is not recorded yet")
            .detail("It was imported: run an apply first, which records its blocks.")),
    }
}
