use std::sync::{Arc, Mutex};

use mprov_sdk::{
    Call, CancellationToken, DataSource, Event, Events, Fault, Object, PlanRequest, Planned, Provider,
    Resource, Services, Session, Type, Value, Verdict, convert,
};
use serde_json::{Value as Json, json};

use super::Server;

const KIND: &str = "http_resource";

/// The provider, configured for a server, and what it tells.
pub struct World {
    pub server: Server,
    pub provider: Arc<dyn Provider>,
    pub session: Arc<dyn Session>,
    pub events: Arc<Recorded>,
}

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

impl World {
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With more of the provider's configuration.
    pub async fn with(more: Json) -> Self {
        let server = Server::start();
        let session = session(&server.url(), more).await.expect("configured");
        Self { server, provider: mprov_provider_http::provider(), session, events: Arc::default() }
    }

    /// The same server, asked by another configuration.
    pub async fn again(&mut self, more: Json) {
        self.session = session(&self.server.url(), more).await.expect("configured");
    }

    pub fn call(&self, token: &str) -> Call {
        Call {
            address: "http_resource.test".into(),
            token: token.into(),
            base_dir: std::env::temp_dir(),
            events: self.events.clone(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    pub fn resource(&self) -> Arc<dyn Resource> {
        self.session.resource(KIND).expect("a known type")
    }

    pub fn data(&self) -> Arc<dyn DataSource> {
        self.session.data_source("http_request").expect("a known type")
    }

    /// The configuration as the planner gives it: every settable attribute, of its type.
    pub fn config(&self, given: &Json) -> Object {
        let schema = self.provider.schema().resource(KIND).expect("a known type").clone();
        let config = filled(&schema, given);
        let found = self.provider.validate(KIND, &config);
        assert!(!found.has_errors(), "{found:?}");
        config
    }

    /// What would be done, with the world looked at.
    pub async fn plan(&self, given: &Json, stored: Option<&Object>) -> Result<Planned, Fault> {
        let observed = match stored {
            Some(stored) => self.resource().read(&self.call("plan"), stored).await?,
            None => None,
        };
        let config = self.config(given);
        let request = PlanRequest { config: &config, stored, observed: observed.as_ref() };
        Ok(self.provider.plan(KIND, &request))
    }

    /// Plans and carries out, without looking whether all is well then.
    pub async fn attempt(&self, token: &str, given: &Json, stored: Option<&Object>) -> Result<Object, Fault> {
        let planned = self.plan(given, stored).await?;
        let wanted = as_desired(&planned.after);
        let (resource, call) = (self.resource(), self.call(token));
        let done = match planned.verdict {
            Verdict::Nothing => return Ok(stored.expect("something stored").clone()),
            Verdict::Create => resource.create(&call, &wanted).await?,
            Verdict::Update => {
                let observed = resource.read(&call, stored.expect("something stored")).await?;
                resource.update(&call, &observed.expect("something to update"), &wanted).await?
            }
            Verdict::Replace => {
                resource.delete(&call, stored.expect("something stored")).await?;
                resource.create(&call, &wanted).await?
            }
        };
        for (name, value) in planned.after.iter().filter(|(_, v)| v.is_wholly_known()) {
            assert!(value.same(done.get(name)), "{name}: planned {value:?}, made {:?}", done.get(name));
        }
        Ok(done)
    }

    /// Plans and carries out; checks that the outcome is what was planned and that planning again
    /// finds nothing to do.
    pub async fn apply(&self, token: &str, given: &Json, stored: Option<&Object>) -> Result<Object, Fault> {
        let done = self.attempt(token, given, stored).await?;
        let again = self.plan(given, Some(&done)).await?;
        assert_eq!(again.verdict, Verdict::Nothing, "planning again: {:?}", again.changes);
        Ok(done)
    }

    pub async fn delete(&self, stored: &Object) {
        let resource = self.resource();
        resource.delete(&self.call("delete"), stored).await.expect("delete");
        resource.delete(&self.call("delete"), stored).await.expect("deleting again is success");
        let seen = resource.read(&self.call("read"), stored).await.expect("read");
        assert!(seen.is_none(), "it is still there");
    }
}

async fn session(url: &str, more: Json) -> Result<Arc<dyn Session>, Fault> {
    let provider = mprov_provider_http::provider();
    let mut given = json!({ "url": url, "longest_pause": "2s" });
    for (name, value) in more.as_object().expect("an object") {
        given[name] = value.clone();
    }
    let config = filled(&provider.schema().config, &given);
    provider.configure(&config, Services::default()).await
}

/// As the planner fills it in: every settable attribute, converted, with defaults and marks.
fn filled(schema: &mprov_sdk::Schema, given: &Json) -> Object {
    let Value::Object(given) = value(given) else { panic!("an object is needed") };
    for name in given.keys() {
        assert!(schema.attributes.contains_key(name), "there is no {name}");
    }
    let settable = schema.attributes.iter().filter(|(_, a)| a.is_settable());
    settable
        .map(|(name, attribute)| {
            let value = match given.get(name) {
                Value::Null => attribute.default.clone().unwrap_or(Value::Null),
                value => value.clone(),
            };
            let value = convert(&value, &attribute.ty).expect("a value of the type");
            (name.clone(), if value.is_null() { value } else { value.with_sensitivity(attribute.sensitive) })
        })
        .collect()
}

/// JSON as a value, with `{"$secret": …}` for a sensitive and `{"$unknown": …}` for an unknown one.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => (*b).into(),
        Json::Number(n) => n.as_i64().expect("a whole number").into(),
        Json::String(s) => s.as_str().into(),
        Json::Array(items) => Value::tuple(items.iter().map(value)),
        Json::Object(map) if map.contains_key("$secret") => value(&map["$secret"]).sensitive(),
        Json::Object(map) if map.contains_key("$unknown") => Value::unknown(Type::Any),
        Json::Object(map) => Value::object(map.iter().map(|(k, v)| (k.as_str(), value(v)))),
    }
}

/// What the engine gives a provider: what is not known yet is left to it.
fn as_desired(planned: &Object) -> Object {
    let known = |v: &Value| if v.is_wholly_known() { v.clone() } else { Value::Null };
    planned.iter().map(|(n, v)| (n.clone(), known(v))).collect()
}

/// A server of the inventory, as somebody would describe it.
pub fn server(name: &str) -> Json {
    json!({
        "create": {
            "path": "/servers",
            "body": { "server": { "name": name, "flavor": "small", "metadata": { "made_by": "{token}" } } },
            "wait": {
                "place": "/server/status",
                "wanted": ["ACTIVE"],
                "failed": ["ERROR"],
                "reason": "/server/fault/message",
                "interval": "50ms",
            },
        },
        "id_from": "/server/id",
        "read": { "path": "/servers/{id}" },
        "update": { "path": "/servers/{id}", "body": { "server": { "name": name } } },
        "delete": { "path": "/servers/{id}", "wait": { "interval": "50ms" } },
        "find": {
            "path": "/servers",
            "list": "/servers",
            "where": "/metadata/made_by",
            "next": "/links/0/href",
            "patience": "1s",
        },
        "outputs": { "status": "/server/status", "flavor": "/server/flavor" },
        "compare": { "/server/name": name },
    })
}
