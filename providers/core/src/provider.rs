use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use mprov_sdk::{
    Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema, Resource, Schema, Services,
    Session,
};

use crate::certificate::SelfSignedCertificate;
use crate::kept::{Clock, Kept, Kind};
use crate::key::PrivateKey;
use crate::password::RandomText;
use crate::random::{RandomId, RandomInteger, RandomUuid};
use crate::time::{TimeRotating, TimeStatic};
use crate::value::CoreValue;

/// The provider `core`, with the machine's clock.
pub fn provider() -> Arc<dyn Provider> {
    provider_with_clock(Timestamp::now)
}

/// The provider `core` with another clock.
pub fn provider_with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Arc<dyn Provider> {
    let kinds: [Arc<dyn Kind>; 10] = [
        Arc::new(CoreValue),
        Arc::new(RandomId),
        Arc::new(RandomUuid),
        Arc::new(RandomInteger),
        Arc::new(RandomText { sensitive: true }),
        Arc::new(RandomText { sensitive: false }),
        Arc::new(PrivateKey),
        Arc::new(SelfSignedCertificate),
        Arc::new(TimeStatic),
        Arc::new(TimeRotating),
    ];
    let resources: Vec<Schema> = kinds.iter().map(|k| k.schema()).collect();
    let kinds = resources.iter().map(|s| s.name).zip(kinds).collect();
    let schema = ProviderSchema {
        name: "core",
        description: "Values, random values, time, TLS keys and certificates: what needs no outside world.",
        config: Schema::new::<&str>("core", "Nothing to configure.", []),
        resources,
        data_sources: Vec::new(),
        uses: &[],
    };
    Arc::new(Core { schema, kinds: Arc::new(kinds), clock: Arc::new(clock) })
}

type Kinds = HashMap<&'static str, Arc<dyn Kind>>;

struct Core {
    schema: ProviderSchema,
    kinds: Arc<Kinds>,
    clock: Clock,
}

#[async_trait]
impl Provider for Core {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        self.kinds.get(kind).map(|k| k.validate(config)).unwrap_or_default()
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        let schema = self.schema.resource(kind).expect("the planner asks for known types only");
        self.kinds[kind].plan(schema, request)
    }

    async fn configure(&self, _: &Object, _: Services) -> Result<Arc<dyn Session>, Fault> {
        Ok(Arc::new(CoreSession { kinds: self.kinds.clone(), clock: self.clock.clone() }))
    }
}

struct CoreSession {
    kinds: Arc<Kinds>,
    clock: Clock,
}

impl Session for CoreSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let kind = self.kinds.get(kind)?.clone();
        Some(Arc::new(Kept { kind, clock: self.clock.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::{Call, CancellationToken, Presence, Silent, Verdict};

    use super::*;

    fn call() -> Call {
        Call {
            address: "core_value.a".into(),
            token: "t".into(),
            base_dir: ".".into(),
            events: Silent::shared(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    /// Every type: what a create returns has all attributes, all known, and planning again with
    /// the same configuration changes nothing.
    #[tokio::test]
    async fn every_type_settles_after_its_create() {
        let provider = provider_with_clock(|| "2026-01-01T00:00:00Z".parse().unwrap());
        let session = provider.configure(&Object::new(), Services::default()).await.unwrap();
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for schema in &provider.schema().resources {
            let mut config = Object::new();
            for (name, attribute) in schema.attributes.iter().filter(|(_, a)| a.is_settable()) {
                let default = attribute.default.clone();
                let needed = (attribute.presence == Presence::Required).then(|| match &**name {
                    "private_key_pem" => key.clone().into(),
                    _ => 48.into(),
                });
                config.set(name.clone(), default.or(needed));
            }
            if schema.name == "core_time_rotating" {
                config.set("rotation_days", 7);
            }
            assert!(provider.validate(schema.name, &config).is_empty(), "{}", schema.name);
            let request = PlanRequest { config: &config, stored: None, observed: None };
            let planned = provider.plan(schema.name, &request);
            assert_eq!(planned.verdict, Verdict::Create);

            let resource = session.resource(schema.name).unwrap();
            let made = resource.create(&call(), &planned.after).await.unwrap();
            assert!(made.is_wholly_known(), "{}: {:?}", schema.name, made.keys());
            assert_eq!(made.keys().collect::<Vec<_>>(), schema.attributes.keys().collect::<Vec<_>>());
            let seen = resource.read(&call(), &made).await.unwrap().unwrap();
            let request = PlanRequest { config: &config, stored: Some(&made), observed: Some(&seen) };
            let again = provider.plan(schema.name, &request);
            assert_eq!(again.verdict, Verdict::Nothing, "{}", schema.name);
            assert_eq!(again.after, made, "{}", schema.name);
        }
    }
}
