use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Fault, Name, Object, Resource, Value};
use tokio::time::Instant;

use crate::ask::{Ask, Ec2};
use crate::failure::{Failure, Nature};
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

/// What was seen of each address, from the look in planning to the refusal that follows on it.
pub type Sightings = Arc<Mutex<HashMap<Arc<str>, Object>>>;

/// How often a create whose reply was lost, and of which nothing came into sight, is made again.
const CREATES: u32 = 4;
/// What is slow may take this many times the patience for the rest.
const SLOW: u32 = 48;

/// A resource type of EC2: waits, doubts and tags, which all kinds have in common.
pub struct Tracked<K> {
    pub kind: K,
    pub ec2: Arc<Ec2>,
    pub sightings: Sightings,
}

impl<K: Kind> Tracked<K> {
    fn ask<'a>(&'a self, call: &'a Call) -> Ask<'a> {
        Ask { ec2: &self.ec2, call }
    }

    /// What is there of it, without what is gone.
    async fn sight(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Option<K::Seen>, Failure> {
        let found = self.kind.look(ask, sought).await?;
        Ok(found.into_iter().find(|seen| !matches!(K::standing(seen), Standing::Gone(_))))
    }

    /// What is there of it; none only if it stays out of sight, or EC2 says that it is gone.
    async fn certain(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Option<K::Seen>, Failure> {
        let since = Instant::now();
        loop {
            let found = self.kind.look(ask, sought).await?;
            let gone = !found.is_empty();
            let there = found.into_iter().find(|seen| !matches!(K::standing(seen), Standing::Gone(_)));
            let by_id = matches!(sought, Sought::Id(_));
            if there.is_some() || (gone && by_id) || !ask.may_come_into_sight(since).await? {
                return Ok(there);
            }
        }
    }

    /// Waits until it is ready; none if it is gone.
    async fn ready(&self, ask: &Ask<'_>, id: &str) -> Result<Option<K::Seen>, Failure> {
        let limit = ask.pace().patience * if K::SLOW { SLOW } else { 1 };
        let deadline = Instant::now() + limit;
        let mut pause = ask.pace().poll;
        loop {
            let Some(seen) = self.certain(ask, Sought::Id(id)).await? else { return Ok(None) };
            match K::standing(&seen) {
                Standing::Ready => return Ok(Some(seen)),
                Standing::Gone(_) => return Ok(None),
                Standing::Going => {
                    let message = "EC2 is removing it: something else has asked for that";
                    return Err(Failure::refused("Going", message));
                }
                Standing::Failed(reason) => return Err(Failure::refused("Failed", reason)),
                Standing::Coming(what, per_cent) => tell(ask, &what, per_cent),
            }
            if Instant::now() >= deadline {
                let message = format!("{} {id} is not ready after {} s", K::NOUN, limit.as_secs());
                return Err(Failure::refused("Timeout", message));
            }
            ask.pause(pause).await?;
            pause = ask.pace().next_poll(pause);
        }
    }

    async fn observed(
        &self,
        ask: &Ask<'_>,
        seen: &K::Seen,
        known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let mut object = self.kind.attributes(ask, seen, known).await?;
        if let Some(found) = K::tags(seen) {
            let nothing = Object::new();
            let known = known.unwrap_or(&nothing);
            let name = tags::observe(&mut object, found, known, &ask.ec2.default_tags);
            if K::NAMED_BY_TAG {
                object.set("name", name);
            }
        }
        Ok(object)
    }

    /// Makes one, and never two, whatever becomes of the replies.
    async fn made(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        if let Some(seen) = self.sight(ask, Sought::Made(planned)).await? {
            return Ok(K::id(&seen));
        }
        let mut attempt = 1;
        let mut doubts = false;
        loop {
            let failure = match self.kind.make(ask, planned).await {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            let doubtful = failure.nature == Nature::Doubtful;
            doubts |= doubtful;
            // A refusal after a doubt may come from what the doubtful call has made.
            if doubts {
                ask.call.events.progress("EC2 gave no clear answer: looking for what was made");
                if let Some(seen) = self.certain(ask, Sought::Made(planned)).await? {
                    return Ok(K::id(&seen));
                }
            }
            if !doubtful || attempt >= CREATES {
                return Err(failure);
            }
            attempt += 1;
        }
    }

    /// The rest of a create, once there is a thing: waits for it and completes it.
    async fn completed(&self, ask: &Ask<'_>, id: &str, planned: &Object) -> Result<Object, Fault> {
        let what = format!("{} {id} was made but is not ready", K::NOUN);
        let stub = planned.clone().with("id", id);
        let Some(seen) = self.ready(ask, id).await.map_err(|f| broken(f, &what, &stub))? else {
            return Err(self.vanished(ask, id).await);
        };
        let now = self.observed(ask, &seen, Some(planned)).await;
        let now = now.map_err(|f| f.fault(&what).unfinished(stub.clone()))?;
        if agrees::<K>(planned, &now) {
            return Ok(merged::<K>(planned, &now));
        }
        let what = format!("{} {id} was made but not completed", K::NOUN);
        let unfinished = |f: Failure| f.fault(&what).unfinished(now.clone());
        self.kind.change(ask, &now, planned).await.map_err(unfinished)?;
        self.after_change(ask, id, planned).await.map_err(unfinished)
    }

    /// How it is after a change, which may come into sight late.
    async fn after_change(&self, ask: &Ask<'_>, id: &str, planned: &Object) -> Result<Object, Failure> {
        let since = Instant::now();
        loop {
            let seen = self.ready(ask, id).await?;
            let seen = seen.ok_or_else(|| Failure::refused("Gone", "it is gone"))?;
            let now = self.observed(ask, &seen, Some(planned)).await?;
            if agrees::<K>(planned, &now) {
                return Ok(merged::<K>(planned, &now));
            }
            if !ask.may_come_into_sight(since).await? {
                let names: Vec<Name> = differing::<K>(planned, &now).collect();
                let message =
                    format!("EC2 took the change but does not show it (attributes: {})", names.join(", "));
                return Err(Failure::refused("NotChanged", message));
            }
        }
    }

    async fn vanished(&self, ask: &Ask<'_>, id: &str) -> Fault {
        let found = self.kind.look(ask, Sought::Id(id)).await.unwrap_or_default();
        let reason = found.iter().find_map(|seen| match K::standing(seen) {
            Standing::Gone(reason) => reason,
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| "EC2 does not know it any more and gives no reason".to_owned());
        Fault::new(format!("{} {id} vanished right after it was made", K::NOUN)).detail(format!("{reason}."))
    }

    /// What the call's step has made, once it stands.
    async fn found(&self, ask: &Ask<'_>, planned: &Object) -> Result<Option<Object>, Fault> {
        let what = format!("the {} of an interrupted create could not be looked for", K::NOUN);
        let seen = self.certain(ask, Sought::Made(planned)).await.map_err(|f| f.fault(&what))?;
        let Some(seen) = seen else { return Ok(None) };
        let id = K::id(&seen);
        let stub = planned.clone().with("id", id.as_str());
        let what = format!("{} {id} was made but is not ready", K::NOUN);
        let Some(seen) = self.ready(ask, &id).await.map_err(|f| broken(f, &what, &stub))? else {
            return Ok(None);
        };
        let now = self.observed(ask, &seen, Some(planned)).await;
        let now = now.map_err(|f| f.fault(&what).unfinished(stub))?;
        match agrees::<K>(planned, &now) {
            true => Ok(Some(merged::<K>(planned, &now))),
            false => {
                let fault = Fault::new(format!("{} {id} was made but not completed", K::NOUN));
                Err(fault.detail("The create was interrupted. The next apply finishes it.").unfinished(now))
            }
        }
    }

    fn remember(&self, call: &Call, seen: Option<&Object>) {
        let mut sightings = self.sightings.lock().expect("no panic while it is held");
        match seen {
            Some(seen) => sightings.insert(call.address.clone(), seen.clone()),
            None => sightings.remove(&call.address),
        };
    }
}

/// A thing that will never be ready is replaced; one that is only late is finished.
fn broken(failure: Failure, what: &str, stub: &Object) -> Fault {
    let failed = failure.is("Failed");
    let fault = failure.fault(what);
    if failed { fault.broken(stub.clone()) } else { fault.unfinished(stub.clone()) }
}

fn tell(ask: &Ask<'_>, what: &str, per_cent: Option<u64>) {
    match per_cent {
        Some(done) => ask.call.events.progress_of(what, done, 100),
        None => ask.call.events.progress(what),
    }
}

/// What the plan knows and EC2 shows otherwise. Of what EC2 may decide, null knows nothing.
fn differing<'a, K: Kind>(planned: &'a Object, now: &'a Object) -> impl Iterator<Item = Name> {
    let left_open = |name: &Name, a: &Attribute| a.is_computed() && planned.get(name).is_null();
    let attributes = K::schema().attributes.into_iter().filter(move |(name, a)| !left_open(name, a));
    attributes.map(|(name, _)| name).filter(|name| !planned.get(name).same(now.get(name)))
}

/// Whether all that the plan knows is so.
fn agrees<K: Kind>(planned: &Object, now: &Object) -> bool {
    differing::<K>(planned, now).next().is_none()
}

/// What was planned, and what EC2 has decided. Marks of the plan are kept.
fn merged<K: Kind>(planned: &Object, now: &Object) -> Object {
    let mut object = planned.clone();
    for (name, attribute) in K::schema().attributes {
        if attribute.is_computed() && planned.get(&name).is_null() {
            object.set(name.clone(), now.get(&name).clone());
        }
    }
    object
}

#[async_trait]
impl<K: Kind> Resource for Tracked<K> {
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        let seen = self.sightings.lock().expect("no panic while it is held").remove(&call.address);
        if let Some(seen) = seen {
            self.kind.refuse(&seen, &config)?;
        }
        Ok(config)
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let ask = self.ask(call);
        let id = stored.str("id")?;
        let what = || format!("{} {id} could not be read", K::NOUN);
        let seen = self.certain(&ask, Sought::Id(id)).await.map_err(|f| f.fault(what()))?;
        let object = match &seen {
            Some(seen) => Some(self.observed(&ask, seen, Some(stored)).await.map_err(|f| f.fault(what()))?),
            None => None,
        };
        self.remember(call, object.as_ref());
        Ok(object)
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let ask = self.ask(call);
        let made = self.made(&ask, planned).await;
        let id = made.map_err(|f| f.fault(format!("{} could not be created", subject::<K>(planned))))?;
        self.completed(&ask, &id, planned).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let ask = self.ask(call);
        let id = prior.str("id")?;
        let what = format!("{} {id} could not be changed", K::NOUN);
        self.kind.refuse(prior, planned)?;
        let changed = async {
            self.kind.change(&ask, prior, planned).await?;
            if planned.contains("tags") {
                tags::change(&ask, id, prior, planned).await?;
            }
            Ok::<_, Failure>(())
        };
        changed.await.map_err(|f| f.fault(&what))?;
        let id = planned.opt_str("id")?.unwrap_or(id);
        self.after_change(&ask, id, planned).await.map_err(|f| f.fault(&what))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let ask = self.ask(call);
        let id = prior.str("id")?;
        let what = || format!("{} {id} could not be removed", K::NOUN);
        let deadline = Instant::now() + ask.pace().patience;
        let mut pause = ask.pace().poll;
        let mut asked = false;
        loop {
            // What EC2 does not know may be out of sight for now.
            let seen = match asked {
                true => self.sight(&ask, Sought::Id(id)).await,
                false => self.certain(&ask, Sought::Id(id)).await,
            };
            let seen = seen.map_err(|f| f.fault(what()))?.filter(|seen| K::is_meant(seen, prior));
            let Some(seen) = seen else { return Ok(()) };
            if K::standing(&seen) == Standing::Going {
                ask.call.events.progress(&format!("waiting until the {} is gone", K::NOUN));
            } else {
                match self.kind.remove(&ask, &seen, prior).await {
                    Ok(()) => asked = true,
                    Err(failure) if failure.is_not_found() => asked = false,
                    // What used it a moment ago takes a while to let go.
                    Err(failure)
                        if is_in_use(&failure) && Instant::now() < deadline_of_use(&ask, deadline) =>
                    {
                        asked = false;
                        ask.call.events.progress(&format!("waiting until nothing uses the {}", K::NOUN));
                    }
                    Err(failure) => return Err(failure.fault(what())),
                }
            }
            if Instant::now() >= deadline {
                return Err(Fault::new(what()).detail(
                    "EC2 has not removed it in time. See in the console what holds it, then run the command \
                     again.",
                ));
            }
            ask.pause(pause).await.map_err(|f| f.fault(what()))?;
            pause = ask.pace().next_poll(pause);
        }
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        self.found(&self.ask(call), planned).await
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let ask = self.ask(call);
        let what = || format!("{} {id} could not be imported", K::NOUN);
        let id = self.kind.imported_id(&ask, id).await.map_err(|f| f.fault(what()))?;
        let seen = self.certain(&ask, Sought::Id(&id)).await.map_err(|f| f.fault(what()))?;
        let seen = seen.ok_or_else(|| {
            Fault::new(format!("there is no {} {id}", K::NOUN))
                .detail("See that id, region and account are right.")
        })?;
        self.observed(&ask, &seen, None).await.map_err(|f| f.fault(what()))
    }
}

fn is_in_use(failure: &Failure) -> bool {
    ["DependencyViolation", "VolumeInUse", "InvalidGroup.InUse", "IncorrectState", "InvalidIPAddress.InUse"]
        .contains(&&*failure.code)
}

/// What is in use for good is told soon: a sixth of the patience.
fn deadline_of_use(ask: &Ask<'_>, deadline: Instant) -> Instant {
    deadline - ask.pace().patience * 5 / 6
}

fn subject<K: Kind>(planned: &Object) -> String {
    match planned.get("name") {
        Value::String(name) => format!("{} {name}", K::NOUN),
        _ => K::NOUN.to_owned(),
    }
}
