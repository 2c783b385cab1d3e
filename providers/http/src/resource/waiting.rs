use std::time::Duration;

use mprov_sdk::{Call, Fault};
use reqwest::Url;
use tokio::time::Instant;

use super::description::{Read, Wait};
use super::observation::look;
use crate::pause::sleep;
use crate::place::Place;
use crate::reply::{Reply, View};
use crate::request::Request;
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// What is waited for where the wait names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    There,
    Gone,
}

/// How a wait ended short of its goal.
#[derive(Debug)]
pub enum Missed {
    /// The API says that it has come to a wrong end.
    Failed(Fault),
    /// It may still come.
    Late(Fault),
}

impl Missed {
    pub fn fault(self) -> Fault {
        match self {
            Self::Failed(fault) | Self::Late(fault) => fault,
        }
    }
}

enum Now {
    Reached,
    Pending(String),
    Failed(Fault),
}

/// Asks again and again, at growing intervals, until the API has done what it was asked for.
/// `reply` is what it answered to the request itself.
pub async fn wait(
    connection: &Connection,
    call: &Call,
    wait: &Wait,
    read: &Read,
    fill: &Fill<'_>,
    goal: Goal,
    reply: Option<&Reply>,
) -> Result<(), Missed> {
    let own = own_url(connection, wait, fill, reply).map_err(Missed::Late)?;
    // The address of an operation is in a reply that is lost: its states are not those of the read.
    let is_untold = wait.path_from.is_some() && own.is_none();
    let wait = &if is_untold { Wait { place: None, ..wait.clone() } } else { wait.clone() };
    let deadline = Instant::now() + wait.timeout;
    let mut interval = wait.interval.max(Duration::from_millis(10));
    loop {
        let asked = match &own {
            Some(url) => ask(connection, call, read, fill, url).await,
            None => look(connection, call, read, fill).await,
        };
        let state = match asked {
            Ok(view) => match judge(wait, goal, view.as_ref()) {
                Now::Reached => return Ok(()),
                Now::Failed(fault) => return Err(Missed::Failed(fault)),
                Now::Pending(state) => state,
            },
            Err(trouble) if trouble.may_pass() => trouble.fault().summary,
            Err(trouble) => return Err(Missed::Late(trouble.fault())),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Missed::Late(
                Fault::new(format!("not done after {} s: {state}", wait.timeout.as_secs_f64())).detail(
                    "It may still come to its end. Look at what holds it up, or give \"wait\" a longer \"timeout\", and \
                     run the command again.",
                ),
            ));
        }
        call.events.progress(&state);
        if !sleep(call, interval.min(left)).await {
            return Err(Missed::Late(
                Fault::new(format!("waiting was given up: {state}")).detail("It was asked to stop."),
            ));
        }
        interval = interval.mul_f64(1.5).min(LONGEST_INTERVAL.max(wait.interval));
    }
}

fn own_url(
    connection: &Connection,
    wait: &Wait,
    fill: &Fill<'_>,
    reply: Option<&Reply>,
) -> Result<Option<Url>, Fault> {
    let told = wait.path_from.as_ref().zip(reply).and_then(|(place, reply)| place.text(&reply.view()));
    match (told, &wait.path, &connection.base) {
        (Some(link), _, Some(base)) => base.follow(&link).map(Some),
        (_, Some(path), _) => connection.url(&fill.path(path)?).map(Some),
        _ => Ok(None),
    }
}

async fn ask(
    connection: &Connection,
    call: &Call,
    read: &Read,
    fill: &Fill<'_>,
    url: &Url,
) -> Result<Option<View>, Trouble> {
    let mut request = Request::new(reqwest::Method::GET, url.clone());
    for (name, value) in &read.request.headers {
        request = request.header(name, &fill.text(value))?;
    }
    let reply = connection.send(call, request.clone()).await?;
    match reply.status {
        _ if reply.is_gone() => Ok(None),
        _ if reply.is_success() => Ok(Some(reply.view())),
        status => Err(Trouble::Refused(status, refused(&request, &reply))),
    }
}

fn judge(wait: &Wait, goal: Goal, view: Option<&View>) -> Now {
    let Some(view) = view else {
        return match goal {
            Goal::Gone => Now::Reached,
            // An API may show what it has made a moment later.
            Goal::There => Now::Pending("it is not there yet".into()),
        };
    };
    let Some(place) = &wait.place else {
        return match goal {
            Goal::There => Now::Reached,
            Goal::Gone => Now::Pending("it is still there".into()),
        };
    };
    let Some(state) = place.text(view) else {
        return Now::Pending(format!("there is nothing at {place} yet"));
    };
    let says = format!("{} is {state}", name(place));
    let is_wrong = wait.failed.contains(&state)
        || (!wait.pending.is_empty() && !wait.pending.contains(&state) && goal == Goal::There);
    match () {
        () if wait.wanted.contains(&state) => Now::Reached,
        () if is_wrong => Now::Failed(Fault::new(says).detail(reason(wait, view))),
        () => Now::Pending(says),
    }
}

fn name(place: &Place) -> String {
    match place {
        Place::Status => "the status".into(),
        place => place.to_string(),
    }
}

fn reason(wait: &Wait, view: &View) -> String {
    match wait.reason.as_ref().map(|place| (place, place.text(view))) {
        Some((_, Some(reason))) => format!("The API says: {reason}"),
        Some((place, None)) => format!("The API gives no reason at {place}."),
        None => "\"reason\" in \"wait\" can name the place where the API says why.".into(),
    }
}
