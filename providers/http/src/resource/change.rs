use mprov_sdk::{Call, Fault, Object, Value};

use super::birth::{Birth, settle};
use super::description::{Description, Read};
use super::difference::Difference;
use super::doubt;
use super::observation::{is_as_wanted, look, observed};
use super::schema::NOT_MADE;
use super::sending::send;
use super::waiting::{Goal, Missed, wait};
use crate::redaction::Redaction;
use crate::reply::Reply;
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

/// Makes the instance what is planned.
pub async fn update(
    connection: &Connection,
    call: &Call,
    prior: &Object,
    planned: &Object,
    secrets: &Redaction,
) -> Result<Object, Fault> {
    let id = match (prior.opt_str("id")?, planned.opt_str("id")?) {
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) if planned.opt_str("doubt")? == Some(NOT_MADE) => {
            return Birth::new(connection, call, planned, secrets)?.create().await;
        }
        (None, None) => return Err(doubt::unresolved()),
    };
    let read = planned.object("read")?.ok_or_else(|| Fault::new("the block \"read\" is missing"))?;
    let read = Read::parse(read)?;
    let token = prior.opt_str("token")?.unwrap_or(&call.token);
    let fill = Fill { id: Some(id), token: Some(token) };
    let mut current =
        planned.clone().with("id", id).with("token", token).with("output", prior["output"].clone());

    let difference = Difference::between(prior, planned);
    let sends = match difference.is_adoption {
        false => difference.sends,
        true => differs(connection, call, &read, &fill, planned).await?,
    };
    if prior["ready"].as_bool() == Some(false)
        && let Some(create) = planned.object("create")?
        && let Some(until) = Description::parse(create)?.wait
    {
        // What the create asked for has not come to its end yet.
        let ended = wait(connection, call, &until, &read, &fill, Goal::There, None).await;
        ended.map_err(|missed| match missed {
            Missed::Failed(fault) => fault.broken(current.clone().with("ready", false)),
            Missed::Late(fault) => fault,
        })?;
    }
    if sends && let Some(block) = planned.object("update")? {
        let description = Description::parse(&whole(block, planned))?;
        let reply = carry_out(connection, call, &description, &fill).await?;
        if let Some(until) = &description.wait {
            let ended = wait(connection, call, until, &read, &fill, Goal::There, Some(&reply)).await;
            ended.map_err(Missed::fault)?;
        }
    }
    current.set("ready", true);
    let view = settle(connection, call, &read, &fill).await?;
    observed(&current, &view, secrets)
}

/// Whether what is taken over is something else than what is wanted.
async fn differs(
    connection: &Connection,
    call: &Call,
    read: &Read,
    fill: &Fill<'_>,
    planned: &Object,
) -> Result<bool, Fault> {
    match look(connection, call, read, fill).await.map_err(Trouble::fault)? {
        Some(view) => Ok(!is_as_wanted(planned, &view)),
        None => Err(Fault::new(format!("there is no \"{}\"", fill.id.unwrap_or_default()))
            .detail("See whether the id and the path in \"read\" are right.")),
    }
}

/// The update's block, with the create's body where it has none.
pub fn whole(update: &Object, planned: &Object) -> Object {
    match update["body"].is_null() {
        true => {
            let body = planned["create"].as_object().map_or(Value::Null, |c| c["body"].clone());
            update.clone().with("body", body)
        }
        false => update.clone(),
    }
}

async fn carry_out(
    connection: &Connection,
    call: &Call,
    description: &Description,
    fill: &Fill<'_>,
) -> Result<Reply, Fault> {
    let request = description.request(connection, fill)?;
    match send(connection, call, description, &request).await {
        Ok(reply) if description.accepts(reply.status) => Ok(reply),
        Ok(reply) => Err(refused(&request, &reply)),
        Err(Trouble::Lost(fault)) => Err(Fault {
            detail: format!(
                "{}\nIt may have had an effect. Run the command again: it looks and sends what is missing.",
                fault.detail
            ),
            ..fault
        }),
        Err(trouble) => Err(trouble.fault()),
    }
}
