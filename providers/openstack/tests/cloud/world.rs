//! One test's corner of the cloud, and the claims that every type of resource has to meet.

use std::sync::{Arc, Mutex};

use mprov_sdk::{
    Call, CancellationToken, DataSource, Event, Events, Fault, Object, PlanRequest, Planned, Provider,
    Resource, Services, Session, Value, Verdict, convert,
};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::admin::{PASSWORD, PROJECT, Stock, cidr, stock, url};

#[derive(Default)]
pub struct Recorded(Mutex<Vec<Event>>);

impl Events for Recorded {
    fn emit(&self, event: Event) {
        self.0.lock().expect("lock").push(event);
    }
}

impl Recorded {
    pub fn text(&self) -> String {
        format!("{:?}", self.0.lock().expect("lock"))
    }
}

pub struct World {
    pub provider: Arc<dyn Provider>,
    pub session: Arc<dyn Session>,
    pub prefix: String,
    pub events: Arc<Recorded>,
    pub stock: &'static Stock,
    _turn: Turn,
}

/// Tests that break the cloud for a while have it for themselves.
enum Turn {
    Shared(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

static CLOUD: RwLock<()> = RwLock::const_new(());

/// A network with a subnet: what an instance stands on.
pub struct Ground {
    pub network: Object,
    pub subnet: Object,
}

impl World {
    pub async fn new() -> Self {
        let stock = stock().await;
        Self::with(account(PROJECT), stock).await
    }

    /// One that may break the cloud: no other test is at work.
    pub async fn alone() -> Self {
        let stock = stock().await;
        Self::at(account(PROJECT), stock, Turn::Alone(CLOUD.write().await)).await
    }

    pub async fn with(config: Object, stock: &'static Stock) -> Self {
        Self::at(config, stock, Turn::Shared(CLOUD.read().await)).await
    }

    async fn at(config: Object, stock: &'static Stock, turn: Turn) -> Self {
        let provider = mprov_provider_openstack::provider();
        let session = provider.configure(&config, Services::default()).await.expect("the rig's cloud");
        let prefix = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        Self { provider, session, prefix, events: Arc::default(), stock, _turn: turn }
    }

    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    /// One call for an address; the token stands for a step.
    pub fn call(&self, token: &str) -> Call {
        Call {
            address: format!("test.{}-{token}", self.prefix).into(),
            token: format!("{}-{token}", self.prefix).into(),
            base_dir: std::env::temp_dir(),
            events: self.events.clone(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    pub fn resource(&self, kind: &str) -> Arc<dyn Resource> {
        self.session.resource(kind).expect("a known type")
    }

    pub async fn data(&self, kind: &str, given: Object) -> Result<Object, Fault> {
        let schema = self.provider.schema().data_source(kind).expect("a known data source");
        let source: Arc<dyn DataSource> = self.session.data_source(kind).expect("a known data source");
        source.read(&self.call("data"), &complete(&schema.attributes, &given)).await
    }

    /// The configuration as the planner gives it: every settable attribute, of its type.
    pub fn config(&self, kind: &str, given: &Object) -> Object {
        let schema = self.provider.schema().resource(kind).expect("a known type");
        let config = complete(&schema.attributes, given);
        let found = self.provider.validate(kind, &config);
        assert!(!found.has_errors(), "{found:?}");
        config
    }

    /// What would be done, with the world looked at.
    pub async fn plan(
        &self,
        kind: &str,
        token: &str,
        given: &Object,
        stored: Option<&Object>,
    ) -> Result<Planned, Fault> {
        let resource = self.resource(kind);
        let call = self.call(token);
        let observed = match stored {
            Some(stored) => resource.read(&call, stored).await?,
            None => None,
        };
        let config = resource.prepare(&call, self.config(kind, given)).await?;
        let request = PlanRequest { config: &config, stored, observed: observed.as_ref() };
        Ok(self.provider.plan(kind, &request))
    }

    /// Plans and carries out; checks that the outcome is what was planned and that planning again
    /// finds nothing to do.
    pub async fn apply(
        &self,
        kind: &str,
        token: &str,
        given: &Object,
        stored: Option<&Object>,
    ) -> Result<Object, Fault> {
        let resource = self.resource(kind);
        let planned = self.plan(kind, token, given, stored).await?;
        let call = self.call(token);
        let wanted = without_unknown(&planned.after);
        let done = match planned.verdict {
            Verdict::Nothing => return Ok(stored.expect("something stored").clone()),
            Verdict::Create => resource.create(&call, &wanted).await?,
            Verdict::Update => {
                let observed = resource.read(&call, stored.expect("something stored")).await?;
                resource.update(&call, &observed.expect("something to update"), &wanted).await?
            }
            Verdict::Replace => panic!("{kind} would be replaced: {:?}", planned.changes),
        };
        for (name, value) in planned.after.iter().filter(|(_, v)| !v.is_unknown()) {
            assert!(value.same(done.get(name)), "{name}: planned {value:?}, made {:?}", done.get(name));
        }
        let again = self.plan(kind, token, given, Some(&done)).await?;
        assert_eq!(again.verdict, Verdict::Nothing, "planning again: {:?}", again.changes);
        Ok(done)
    }

    pub async fn make(&self, kind: &str, token: &str, given: &Object) -> Object {
        self.apply(kind, token, given, None).await.unwrap_or_else(|e| panic!("{kind}: {e}"))
    }

    /// Changes it in place: no other verdict will do, and it stays the same thing.
    pub async fn change(&self, kind: &str, token: &str, given: &Object, stored: &Object) -> Object {
        let planned = self.plan(kind, token, given, Some(stored)).await.expect("a plan");
        assert_eq!(planned.verdict, Verdict::Update, "{:?}", planned.changes);
        let done =
            self.apply(kind, token, given, Some(stored)).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(done.get("id"), stored.get("id"));
        done
    }

    pub async fn delete(&self, kind: &str, stored: &Object) {
        let resource = self.resource(kind);
        resource.delete(&self.call("delete"), stored).await.unwrap_or_else(|e| panic!("delete: {e}"));
        resource.delete(&self.call("delete"), stored).await.expect("deleting again is success");
        let seen = resource.read(&self.call("read"), stored).await.expect("read");
        assert!(seen.is_none(), "it is still there: {seen:?}");
        let left = resource.remains(&self.call("remains"), stored).await.expect("remains");
        assert!(left.is_none(), "something is left: {left:?}");
    }

    /// What every type promises of something that this step has made: it is found by the step's
    /// token alone, by no other token, and an import sees what the create saw. `untold` are the
    /// attributes that the cloud does not tell.
    pub async fn is_found_and_imported(
        &self,
        kind: &str,
        token: &str,
        given: &Object,
        made: &Object,
        id: &str,
        untold: &[&str],
    ) {
        let resource = self.resource(kind);
        let planned = self.plan(kind, token, given, None).await.expect("a plan");
        let wanted = without_unknown(&planned.after);
        let found =
            resource.find(&self.call(token), &wanted).await.expect("find").expect("what was made is found");
        assert_eq!(&found, made, "found by its token");
        let imported =
            resource.import(&self.call("import"), id).await.unwrap_or_else(|e| panic!("import: {e}"));
        for (name, value) in made.iter().filter(|(name, _)| !untold.contains(&&***name)) {
            let same = value.same(imported.get(name)) || is_empty(value) && is_empty(imported.get(name));
            assert!(same, "{name}: made {value:?}, imported {:?}", imported.get(name));
        }
        let fault = resource.import(&self.call("import"), "00000000-0000-0000-0000-000000000000").await;
        assert!(fault.is_err(), "what is not there cannot be imported");
    }

    pub async fn is_not_found_by_another_token(&self, kind: &str, given: &Object) {
        let planned = self.plan(kind, "other", given, None).await.expect("a plan");
        let found = self.resource(kind).find(&self.call("other"), &without_unknown(&planned.after)).await;
        assert!(found.expect("find").is_none(), "another step made it");
    }

    pub async fn ground(&self) -> Ground {
        self.ground_named("ground").await
    }

    pub async fn ground_named(&self, name: &str) -> Ground {
        let token = |what: &str| format!("{name}-{what}");
        let given = Object::new().with("name", self.name(name));
        let network = self.make("openstack_network", &token("net"), &given).await;
        let subnet = Object::new().with("network_id", network.get("id").clone()).with("cidr", cidr());
        let subnet = self.make("openstack_subnet", &token("sub"), &subnet).await;
        Ground { network, subnet }
    }

    pub async fn remove_ground(&self, ground: &Ground) {
        self.delete("openstack_subnet", &ground.subnet).await;
        self.delete("openstack_network", &ground.network).await;
    }

    pub fn instance(&self, ground: &Ground, name: &str) -> Object {
        Object::new()
            .with("name", self.name(name))
            .with("image", self.stock.image.as_str())
            .with("instance_type", "rig.small")
            .with("network_id", ground.network.get("id").clone())
    }
}

/// How a member of that project signs in.
pub fn account(project: &str) -> Object {
    Object::new()
        .with("auth_url", url(5000, ""))
        .with("user_name", project)
        .with("password", Value::from(PASSWORD).sensitive())
        .with("project_name", project)
        .with("region", "RegionOne")
}

fn complete(
    attributes: &std::collections::BTreeMap<mprov_sdk::Name, mprov_sdk::Attribute>,
    given: &Object,
) -> Object {
    for name in given.keys() {
        assert!(attributes.contains_key(name), "there is no attribute {name}");
    }
    let settable = attributes.iter().filter(|(_, a)| a.is_settable());
    let complete = settable.map(|(name, attribute)| {
        let value = match given.get(name) {
            Value::Null => attribute.default.clone().unwrap_or(Value::Null),
            value => value.clone(),
        };
        (name.clone(), convert(&value, &attribute.ty).expect("a value of the type"))
    });
    complete.collect()
}

/// What the engine gives a provider: unknown values are left to it.
pub fn without_unknown(object: &Object) -> Object {
    object.iter().map(|(n, v)| (n.clone(), if v.is_unknown() { Value::Null } else { v.clone() })).collect()
}

fn is_empty(value: &Value) -> bool {
    value.is_null()
        || value.as_elements().is_some_and(<[Value]>::is_empty)
        || value.as_object().is_some_and(Object::is_empty)
        || value.as_str() == Some("")
}

pub fn id(object: &Object) -> &str {
    object.str("id").expect("an id")
}

pub fn changed(planned: &Planned) -> Vec<String> {
    planned.changes.iter().map(|c| c.name.to_string()).collect()
}
