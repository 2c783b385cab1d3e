use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Call, Fault, Object, Value};
use tokio::time::Instant;

use super::description::{Description, Find, Read, Wait};
use super::doubt;
use super::observation::{look, marked, observed, outputs};
use super::search::search;
use super::sending::send;
use super::waiting::{Goal, Missed, wait};
use crate::pause::{growing, sleep};
use crate::place::{NOTATION, Place, plain};
use crate::redaction::Redaction;
use crate::reply::{Reply, View};
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

/// For how long an API may not show yet what it has made, where "find" does not say.
const PATIENCE: Duration = Duration::from_secs(10);

/// The making of one instance.
pub struct Birth<'a> {
    connection: &'a Connection,
    call: &'a Call,
    planned: &'a Object,
    secrets: &'a Redaction,
    create: Description,
    idempotent: bool,
    read: Read,
    find: Option<Find>,
    id_from: Place,
}

impl<'a> Birth<'a> {
    pub fn new(
        connection: &'a Connection,
        call: &'a Call,
        planned: &'a Object,
        secrets: &'a Redaction,
    ) -> Result<Self, Fault> {
        let block = |name: &str| -> Result<&Object, Fault> {
            planned.object(name)?.ok_or_else(|| Fault::new(format!("the block \"{name}\" is missing")))
        };
        let id_from = planned.opt_str("id_from")?.unwrap_or("/id");
        Ok(Self {
            connection,
            call,
            planned,
            secrets,
            create: Description::parse(block("create")?)?,
            idempotent: block("create")?.opt_bool("idempotent")?.unwrap_or(false),
            read: Read::parse(block("read")?)?,
            find: planned.object("find")?.map(Find::parse).transpose()?,
            id_from: Place::parse(id_from)
                .ok_or_else(|| Fault::new("\"id_from\" is no place in a reply").detail(NOTATION))?,
        })
    }

    fn fill<'f>(&'f self, id: Option<&'f str>) -> Fill<'f> {
        Fill { id, token: Some(&self.call.token) }
    }

    pub async fn create(&self) -> Result<Object, Fault> {
        let chosen = self.planned.opt_str("id")?;
        if let Some(there) = self.already_there().await.map_err(Trouble::fault)? {
            return Err(Fault::new(format!("\"{there}\" exists already")).detail(
                "It was not made by this create, so it is left alone. Remove it, choose another name, or take it over \
                 by importing it.",
            ));
        }
        let mut request = self.create.request(self.connection, &self.fill(chosen))?;
        request.repeatable = self.idempotent;
        let sent = send(self.connection, self.call, &self.create, &request).await;
        let reply = match sent {
            Ok(reply) if self.create.accepts(reply.status) => reply,
            Ok(reply) if self.may_have_had_an_effect(&reply) => {
                return self.in_doubt(&refused(&request, &reply)).await;
            }
            Ok(reply) => return Err(refused(&request, &reply)),
            Err(Trouble::Lost(fault)) => return self.in_doubt(&fault).await,
            Err(trouble) => return Err(trouble.fault()),
        };
        let view = reply.view();
        let told = self.id_from.text(&view).filter(|id| !id.is_empty());
        match chosen.map(str::to_owned).or(told) {
            Some(id) => {
                let told_once = outputs(&self.told_once()?, &view)?;
                self.finish(&id, told_once, Some(&reply)).await
            }
            None => {
                let why = Fault::new(format!(
                    "the reply to {} tells no id at \"{}\"",
                    request.what(),
                    self.planned.opt_str("id_from")?.unwrap_or("/id")
                ));
                self.in_doubt(&why.detail(format!("The end of the reply:\n{}", reply.tail()))).await
            }
        }
    }

    /// What the create of this step made before mprov was interrupted.
    pub async fn find(&self) -> Result<Option<Object>, Fault> {
        let unknown =
            |why: &Fault| doubt::fault(why).unfinished(doubt::recorded(self.planned, &self.call.token));
        let interrupted = Fault::new("the create was interrupted");
        if !self.can_look()? {
            return Err(unknown(&interrupted));
        }
        let is_ours = self.planned["id"].is_null() && self.find.as_ref().is_some_and(Find::is_by_token);
        match self.appears().await.map_err(Trouble::fault)? {
            None => Ok(None),
            Some(id) if is_ours => self.found(&id).await.map(Some),
            // It may have been there before: only its name is known to be the same.
            Some(id) => Err(unknown(&interrupted.detail(format!("There is one, \"{id}\".")))),
        }
    }

    /// Whether there is a way to see what a create has made.
    fn can_look(&self) -> Result<bool, Fault> {
        Ok(self.planned.opt_str("id")?.is_some() || self.find.is_some())
    }

    /// What cannot have been made by this create, because it has not been sent yet. A token needs
    /// no such look: nobody else has it.
    async fn already_there(&self) -> Result<Option<String>, Trouble> {
        let by_token = self.planned["id"].is_null() && self.find.as_ref().is_some_and(Find::is_by_token);
        match by_token {
            true => Ok(None),
            false => self.look().await,
        }
    }

    /// The id of what is there now.
    async fn look(&self) -> Result<Option<String>, Trouble> {
        let chosen = self.planned.opt_str("id").map_err(Fault::from)?;
        match (chosen, &self.find) {
            (Some(id), _) => {
                let there = look(self.connection, self.call, &self.read, &self.fill(chosen)).await?;
                Ok(there.map(|_| id.to_owned()))
            }
            (None, Some(find)) => self.search(find).await,
            (None, None) => Ok(None),
        }
    }

    async fn search(&self, find: &Find) -> Result<Option<String>, Trouble> {
        let found = search(self.connection, self.call, &find.request, &find.search, &self.fill(None)).await?;
        let Some(View { body, .. }) = found else { return Ok(None) };
        let id = find.id.look(&body).and_then(|id| plain(&id)).filter(|id| !id.is_empty());
        id.map(Some).ok_or_else(|| {
            let fault = Fault::new(format!("what \"find\" found has no id at \"{}\"", find.id));
            fault.detail("\"id\" in \"find\" is the JSON pointer to the id in an element of the list.").into()
        })
    }

    /// Searches for as long as the API may not show yet what it was asked to make.
    async fn appears(&self) -> Result<Option<String>, Trouble> {
        let patience = self.find.as_ref().map_or(PATIENCE, |find| find.patience);
        let deadline = Instant::now() + patience;
        let mut tries = 0;
        loop {
            let found = self.look().await;
            match &found {
                Ok(None) => {}
                Err(trouble) if trouble.may_pass() => {}
                _ => return found,
            }
            tries += 1;
            if Instant::now() >= deadline || !sleep(self.call, growing(tries, patience)).await {
                return found;
            }
        }
    }

    /// Statuses of something between the server and here, which may have lost the server's reply;
    /// and of a server that broke off, where that can be found out.
    fn may_have_had_an_effect(&self, reply: &Reply) -> bool {
        match reply.status {
            503 => !reply.headers.contains_key("retry-after"),
            502 | 504 => true,
            500 => self.can_look().unwrap_or(false),
            _ => false,
        }
    }

    /// Nobody knows whether the request had an effect.
    async fn in_doubt(&self, why: &Fault) -> Result<Object, Fault> {
        let unknown =
            |why: &Fault| doubt::fault(why).unfinished(doubt::recorded(self.planned, &self.call.token));
        if !self.can_look()? {
            return Err(unknown(why));
        }
        self.call.events.progress(&format!("{}: looking for what it made", why.summary));
        match self.appears().await {
            Ok(Some(id)) => self.found(&id).await,
            Ok(None) => Err(Fault::new(why.summary.clone()).detail(format!(
                "{}\nNothing was made, as far as can be seen: run the command again.",
                why.detail
            ))),
            Err(trouble) => Err(unknown(&trouble.fault())),
        }
    }

    /// It exists, and the reply that told it is lost.
    async fn found(&self, id: &str) -> Result<Object, Fault> {
        let told_once = self.told_once()?;
        if told_once.is_empty() {
            return self.finish(id, Vec::new(), None).await;
        }
        let names: Vec<String> = told_once.into_keys().collect();
        Err(Fault::new(format!(
            "\"{id}\" was made, but the reply that told its {} is lost",
            names.join(", ")
        ))
        .detail("The API tells that only once. The next apply replaces it.")
        .broken(self.partial(id, Vec::new())?))
    }

    fn told_once(&self) -> Result<BTreeMap<String, String>, Fault> {
        Ok(self.planned.object("create")?.map(|c| c.string_map("outputs")).transpose()?.unwrap_or_default())
    }

    /// What is recorded of it while it is not finished.
    fn partial(&self, id: &str, told_once: Vec<(String, Value)>) -> Result<Object, Fault> {
        let output: Object = told_once.into_iter().collect();
        let output = marked(output, self.planned, self.secrets)?;
        let known = self.planned.clone().with("token", &*self.call.token);
        Ok(known.with("id", id).with("output", output).with("ready", false))
    }

    /// From its id to all of it.
    async fn finish(
        &self,
        id: &str,
        told_once: Vec<(String, Value)>,
        reply: Option<&Reply>,
    ) -> Result<Object, Fault> {
        let partial = self.partial(id, told_once)?;
        let fill = self.fill(Some(id));
        let made =
            |fault: Fault| Fault { summary: format!("\"{id}\" was made, but {}", fault.summary), ..fault };
        if let Some(until) = &self.create.wait {
            let ended = wait(self.connection, self.call, until, &self.read, &fill, Goal::There, reply).await;
            match ended {
                Ok(()) => {}
                Err(Missed::Failed(fault)) => return Err(made(fault).broken(partial)),
                Err(Missed::Late(fault)) => return Err(made(fault).unfinished(partial)),
            }
        }
        match settle(self.connection, self.call, &self.read, &fill).await {
            Ok(view) => Ok(observed(&partial, &view, self.secrets)?.with("ready", true)),
            Err(fault) => Err(made(fault).unfinished(partial)),
        }
    }
}

/// It as it is, as soon as the API shows it: it may do so a moment after it has made it.
pub async fn settle(
    connection: &Connection,
    call: &Call,
    read: &Read,
    fill: &Fill<'_>,
) -> Result<View, Fault> {
    let patience = Wait { timeout: Duration::from_secs(60), ..Wait::until_gone() };
    wait(connection, call, &patience, read, fill, Goal::There, None).await.map_err(Missed::fault)?;
    let view = look(connection, call, read, fill).await.map_err(Trouble::fault)?;
    view.ok_or_else(|| Fault::new("it vanished again").detail("Somebody else may have removed it."))
}
