use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Value, Written};

use crate::json::{from_json, object_to_json, to_json};
use crate::schema::SUBSTANCE;
use crate::session::{SimSession, broken_world};
use crate::world::{CallRecord, World, WorldObject, fnv};

/// What the simulated service makes of attributes.
#[derive(Clone, Copy)]
pub enum Substance {
    /// `sim_resource` and its like, with the name of the type.
    Thing(&'static str),
    Endpoint,
}

impl Substance {
    fn kind(self) -> &'static str {
        match self {
            Self::Thing(kind) => kind,
            Self::Endpoint => "sim_endpoint",
        }
    }
}

/// The calls of every managed type of the provider.
pub struct SimResource {
    pub session: SimSession,
    pub substance: Substance,
}

#[async_trait]
impl Resource for SimResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let world = self.session.send(call, stored).await?;
        let id = stored.str("id")?;
        self.record(&world, call, "read", id)?;
        fail_if_asked(&world, call, stored, "fail_read")?;
        let object = visible(&world, id)?;
        self.session.answer(stored).await?;
        Ok(object.map(|o| observed(&o, stored)))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let world = self.session.send(call, planned).await?;
        let partial = planned.opt_str("partial_create")?;
        if partial.is_none()
            && let Err(fault) = fail_if_asked(&world, call, planned, "fail_create")
        {
            self.record(&world, call, "create", "")?;
            return Err(fault);
        }
        let object = self.make(&world, call, planned)?;
        self.session.answer(planned).await?;
        let made = observed(&object, planned);
        let message = planned.opt_str("fail_create")?.unwrap_or("the simulated create stopped half-way");
        match partial {
            None => Ok(made),
            Some("unfinished") => Err(Fault::new(message).unfinished(made)),
            Some(_) => Err(Fault::new(message).broken(made)),
        }
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let world = self.session.send(call, planned).await?;
        let id = prior.str("id")?;
        self.record(&world, call, "update", id)?;
        fail_if_asked(&world, call, planned, "fail_update")?;
        let change = |object: &mut WorldObject| self.change(object, prior, planned);
        if !world.edit(id, change).map_err(|e| broken_world(&world, &e))? {
            return Err(gone(id));
        }
        let object = world.object(id).map_err(|e| broken_world(&world, &e))?.ok_or_else(|| gone(id))?;
        self.session.answer(planned).await?;
        Ok(observed(&object, planned))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let world = self.session.send(call, prior).await?;
        let id = prior.str("id")?;
        self.record(&world, call, "delete", id)?;
        fail_if_asked(&world, call, prior, "fail_delete")?;
        world.remove(id).map_err(|e| broken_world(&world, &e))?;
        self.session.answer(prior).await
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let world = self.session.send(call, planned).await?;
        self.record(&world, call, "find", "")?;
        let object = world.made_by(&call.token).map_err(|e| broken_world(&world, &e))?;
        self.session.answer(planned).await?;
        let Some(made) = object.map(|o| observed(&o, planned)) else { return Ok(None) };
        let half_made = || Fault::new("the create before had stopped half-way");
        match planned.opt_str("partial_create")? {
            None => Ok(Some(made)),
            Some("unfinished") => Err(half_made().unfinished(made)),
            Some(_) => Err(half_made().broken(made)),
        }
    }

    /// Users of the simulated world write by changing the attribute `written` of the object.
    async fn written_since(&self, call: &Call, stored: &Object, _since: &str) -> Result<Vec<Written>, Fault> {
        let world = self.session.send(call, stored).await?;
        let id = stored.str("id")?;
        let object = world.object(id).map_err(|e| broken_world(&world, &e))?.ok_or_else(|| gone(id))?;
        let count = object.attributes.get("written").and_then(|w| w.as_u64()).unwrap_or(0);
        Ok(vec![Written { what: "rows".into(), count }])
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let world = self.session.send(call, &Object::new()).await?;
        self.record(&world, call, "import", id)?;
        let object = world.object(id).map_err(|e| broken_world(&world, &e))?;
        match object.filter(|o| o.kind == self.substance.kind()) {
            Some(object) => Ok(observed(&object, &Object::new())),
            None => Err(Fault::new(format!("there is no {} \"{id}\"", self.substance.kind()))
                .detail("The id is the name of the object's file in the world, without .json.")),
        }
    }
}

impl SimResource {
    fn record(&self, world: &World, call: &Call, what: &str, id: &str) -> Result<(), Fault> {
        let record = CallRecord { id: id.into(), ..self.record_of(call, what) };
        world.record(record).map_err(|e| broken_world(world, &e))
    }

    fn record_of(&self, call: &Call, what: &str) -> CallRecord {
        CallRecord {
            call: what.into(),
            kind: self.substance.kind().into(),
            address: call.address.to_string(),
            token: call.token.to_string(),
            id: String::new(),
        }
    }

    fn make(&self, world: &World, call: &Call, planned: &Object) -> Result<WorldObject, Fault> {
        let broken = |e| broken_world(world, &e);
        if self.session.honours_tokens
            && let Some(made) = world.made_by(&call.token).map_err(broken)?
        {
            self.record(world, call, "create", &made.id)?;
            return Ok(made);
        }
        let hidden = planned.opt_i64("eventual_reads")?.unwrap_or(0);
        let object = WorldObject {
            id: String::new(),
            kind: self.substance.kind().into(),
            address: call.address.to_string(),
            token: call.token.to_string(),
            hidden_reads: hidden,
            attributes: object_to_json(planned),
        };
        world.add(&self.record_of(call, "create"), object, |o| self.complete(o, 1)).map_err(broken)
    }

    fn change(&self, object: &mut WorldObject, prior: &Object, planned: &Object) {
        let before = object.attributes.get("generation").and_then(|g| g.as_i64()).unwrap_or(0);
        let substantial = SUBSTANCE.iter().any(|name| !planned[name].same(&prior[name]));
        object.attributes = object_to_json(planned);
        self.complete(object, before + i64::from(substantial));
    }

    /// What the service itself decides.
    fn complete(&self, object: &mut WorldObject, generation: i64) {
        let id = object.id.clone();
        let attributes = &mut object.attributes;
        match self.substance {
            Substance::Thing(_) => {
                let secret = attributes.get("secret").and_then(|s| s.as_str());
                let output = secret.map(|s| format!("{s}/output"));
                attributes.insert("secret_output".into(), output.into());
                attributes.insert("generation".into(), generation.into());
            }
            Substance::Endpoint => {
                let port = attributes.get("port").and_then(|p| p.as_i64()).unwrap_or(80);
                attributes.insert("url".into(), format!("sim://{id}:{port}").into());
                attributes.insert("token".into(), format!("token-{:016x}", fnv(&id)).into());
            }
        }
        attributes.insert("id".into(), id.into());
    }
}

/// The object, unless it is one of those reads that come too early.
fn visible(world: &World, id: &str) -> Result<Option<WorldObject>, Fault> {
    let broken = |e| broken_world(world, &e);
    let Some(object) = world.object(id).map_err(broken)? else { return Ok(None) };
    if object.hidden_reads <= 0 {
        return Ok(Some(object));
    }
    world.edit(id, |o| o.hidden_reads -= 1).map_err(broken)?;
    Ok(None)
}

/// The attributes of the object, in the known form where they mean the same.
fn observed(object: &WorldObject, known: &Object) -> Object {
    let sensitive = |name: &str| ["secret", "secret_output", "token"].contains(&name);
    let seen = object.attributes.iter().map(|(name, json)| {
        let known = &known[name];
        let same = to_json(known) == *json && !known.is_unknown();
        let value = if same { known.clone() } else { from_json(json, &Value::Null) };
        (name.as_str(), value.with_sensitivity(sensitive(name)))
    });
    seen.collect()
}

/// The failure that the instance asks for, while it does.
fn fail_if_asked(world: &World, call: &Call, instance: &Object, which: &str) -> Result<(), Fault> {
    let Some(message) = instance.opt_str(which)? else { return Ok(()) };
    if let Some(tries) = instance.opt_i64("fail_tries")? {
        let tried = world.count(which, &call.address).map_err(|e| broken_world(world, &e))?;
        if tried > tries.max(0).unsigned_abs() {
            return Ok(());
        }
    }
    Err(Fault::new(message).detail("The simulated world was asked to fail."))
}

fn gone(id: &str) -> Fault {
    Fault::new(format!("there is no object \"{id}\" to change"))
        .detail("Somebody removed it since the plan. Plan again: it will be created.")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use mprov_sdk::{CancellationToken, PlanRequest, Planned, Provider, Services, Session, Silent, Verdict};

    use super::*;

    struct Rig {
        provider: Arc<dyn Provider>,
        session: Arc<dyn Session>,
        folder: tempfile::TempDir,
    }

    impl Rig {
        async fn new() -> Self {
            Self::with(Object::new()).await
        }

        async fn with(config: Object) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let provider = crate::provider(None);
            // Relative, as a configuration would have it: the call knows relative to what.
            let config = config.with("world", "world");
            let session = provider.configure(&config, Services::default()).await.unwrap();
            Self { provider, session, folder }
        }

        fn world(&self) -> World {
            World::open(self.folder.path().join("world"))
        }

        fn resource(&self, kind: &str) -> Arc<dyn Resource> {
            self.session.resource(kind).unwrap()
        }

        fn plan(&self, kind: &str, config: &Object, observed: Option<&Object>) -> Planned {
            self.provider.plan(kind, &PlanRequest { config, stored: observed, observed })
        }

        async fn create(&self, config: &Object, token: &str) -> Result<Object, Fault> {
            let planned = known(self.plan("sim_resource", config, None).after);
            self.resource("sim_resource").create(&call(self.folder.path(), token), &planned).await
        }
    }

    /// As the engine does: what is still unknown is left to the provider.
    fn known(object: Object) -> Object {
        object.into_iter().map(|(n, v)| (n, if v.is_unknown() { Value::Null } else { v })).collect()
    }

    fn call(base: &Path, token: &str) -> Call {
        Call {
            address: "sim_resource.a".into(),
            token: token.into(),
            base_dir: base.into(),
            events: Silent::shared(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    fn config() -> Object {
        Object::new()
            .with("name", "a")
            .with("value", Value::map([("k", Value::list(["v".into()]))]))
            .with("size", 1)
            .with("secret", Value::from("s3cret").sensitive())
            .with("latency_ms", 0)
            .with("eventual_reads", 0)
    }

    #[tokio::test]
    async fn what_was_made_reads_back_the_same_and_plans_nothing() {
        let rig = Rig::new().await;
        let made = rig.create(&config(), "t").await.unwrap();
        assert_eq!(made["generation"], 1.into());
        assert!(made["secret_output"].contains_sensitive() && made["secret"].contains_sensitive());
        let call = call(rig.folder.path(), "");
        let seen = rig.resource("sim_resource").read(&call, &made).await.unwrap().unwrap();
        assert_eq!(seen, made);
        let planned = rig.plan("sim_resource", &config(), Some(&seen));
        assert_eq!(planned.verdict, Verdict::Nothing, "{:?}", planned.changes);
    }

    #[tokio::test]
    async fn an_update_raises_the_generation_that_the_plan_left_open() {
        let rig = Rig::new().await;
        let made = rig.create(&config(), "t").await.unwrap();
        let planned = rig.plan("sim_resource", &config().with("size", 2), Some(&made));
        assert_eq!(planned.verdict, Verdict::Update);
        assert!(planned.after["generation"].is_unknown());
        let call = call(rig.folder.path(), "t2");
        let planned = known(planned.after);
        let changed = rig.resource("sim_resource").update(&call, &made, &planned).await.unwrap();
        assert_eq!((&changed["generation"], &changed["id"]), (&2.into(), &made["id"]));
    }

    #[tokio::test]
    async fn edits_of_the_world_are_drift_and_removals_are_absence() {
        let rig = Rig::new().await;
        let made = rig.create(&config(), "t").await.unwrap();
        let id = made.str("id").unwrap();
        let edit = |o: &mut WorldObject| drop(o.attributes.insert("size".into(), 9.into()));
        assert!(rig.world().edit(id, edit).unwrap());
        let call = call(rig.folder.path(), "");
        let resource = rig.resource("sim_resource");
        assert_eq!(resource.read(&call, &made).await.unwrap().unwrap()["size"], 9.into());
        rig.world().remove(id).unwrap();
        assert_eq!(resource.read(&call, &made).await.unwrap(), None);
        resource.delete(&call, &made).await.unwrap();
    }

    #[tokio::test]
    async fn a_create_repeated_with_one_token_makes_two_things_unless_tokens_are_honoured() {
        for (honours_tokens, expected) in [(false, 2), (true, 1)] {
            let rig = Rig::with(Object::new().with("honours_tokens", honours_tokens)).await;
            rig.create(&config(), "t").await.unwrap();
            rig.create(&config(), "t").await.unwrap();
            assert_eq!(rig.world().objects().unwrap().len(), expected);
            let creates = rig.world().calls().unwrap();
            assert_eq!(creates.iter().filter(|c| c.call == "create" && c.token == "t").count(), 2);
        }
    }

    #[tokio::test]
    async fn find_knows_what_a_token_made() {
        let rig = Rig::new().await;
        let made = rig.create(&config(), "t").await.unwrap();
        let planned = known(rig.plan("sim_resource", &config(), None).after);
        let resource = rig.resource("sim_resource");
        let found = |token| {
            let (resource, planned) = (resource.clone(), planned.clone());
            let call = call(rig.folder.path(), token);
            async move { resource.find(&call, &planned).await.unwrap() }
        };
        assert_eq!(found("t").await, Some(made.clone()));
        assert_eq!(found("other").await, None);
        rig.world().remove(made.str("id").unwrap()).unwrap();
        assert_eq!(found("t").await, None);
    }

    #[tokio::test]
    async fn failures_last_as_many_tries_as_asked_and_make_nothing() {
        let rig = Rig::new().await;
        let config = config().with("fail_create", "no quota").with("fail_tries", 2);
        for _ in 0..2 {
            let fault = rig.create(&config, "t").await.unwrap_err();
            assert_eq!((fault.summary.as_str(), fault.partial.is_some()), ("no quota", false));
        }
        assert!(rig.world().objects().unwrap().is_empty());
        rig.create(&config, "t").await.unwrap();
    }

    #[tokio::test]
    async fn a_partial_create_leaves_what_it_made() {
        let rig = Rig::new().await;
        for (how, resumable) in [("broken", false), ("unfinished", true)] {
            let fault = rig.create(&config().with("partial_create", how), how).await.unwrap_err();
            assert_eq!(fault.resumable, resumable);
            let id = fault.partial.unwrap().str("id").unwrap().to_owned();
            assert!(rig.world().object(&id).unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn eventual_reads_find_it_later() {
        let rig = Rig::new().await;
        let made = rig.create(&config().with("eventual_reads", 2), "t").await.unwrap();
        let call = call(rig.folder.path(), "");
        let resource = rig.resource("sim_resource");
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(resource.read(&call, &made).await.unwrap().is_some());
        }
        assert_eq!(seen, [false, false, true]);
    }

    #[tokio::test]
    async fn an_endpoint_answers_only_when_it_is_there_and_the_token_is_right() {
        let rig = Rig::new().await;
        let config = Object::new().with("name", "api").with("port", 8080);
        let planned = known(rig.plan("sim_endpoint", &config, None).after);
        let call = call(rig.folder.path(), "e");
        let endpoint = rig.resource("sim_endpoint").create(&call, &planned).await.unwrap();
        assert!(endpoint["token"].contains_sensitive());

        let configured = async |url: &str, token: Value| {
            let config =
                Object::new().with("world", "world").with("endpoint", url).with("required_token", token);
            let session = rig.provider.configure(&config, Services::default()).await.unwrap();
            let planned = known(rig.plan("sim_resource", &self::config(), None).after);
            session.resource("sim_resource").unwrap().create(&call, &planned).await
        };
        let url = endpoint.str("url").unwrap();
        assert!(configured(url, endpoint["token"].clone()).await.is_ok());
        assert!(configured(url, "wrong".into()).await.unwrap_err().summary.contains("refuses the token"));
        assert!(
            configured("sim://nowhere:1", Value::Null).await.unwrap_err().summary.contains("nothing answers")
        );
        assert!(configured("https://elsewhere.example", Value::Null).await.is_ok());
    }

    #[tokio::test]
    async fn a_lookup_needs_exactly_one_of_the_name() {
        let rig = Rig::new().await;
        let call = call(rig.folder.path(), "");
        let lookup = rig.session.data_source("sim_lookup").unwrap();
        let asked = Object::new().with("name", "a");
        assert!(lookup.read(&call, &asked).await.is_err());
        let made = rig.create(&config(), "t").await.unwrap();
        let found = lookup.read(&call, &asked).await.unwrap();
        assert_eq!((&found["id"], &found["size"]), (&made["id"], &1.into()));
        rig.create(&config(), "u").await.unwrap();
        assert!(lookup.read(&call, &asked).await.is_err());
    }

    #[tokio::test]
    async fn a_cancelled_call_is_not_sent() {
        let rig = Rig::with(Object::new().with("latency_ms", 60_000)).await;
        let call = call(rig.folder.path(), "t");
        call.cancel.cancel();
        let planned = known(rig.plan("sim_resource", &config(), None).after);
        assert!(rig.resource("sim_resource").create(&call, &planned).await.is_err());
        assert!(rig.world().objects().unwrap().is_empty());
    }
}
