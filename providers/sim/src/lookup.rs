use async_trait::async_trait;
use mprov_sdk::{Call, DataSource, Fault, Object, Value};

use crate::json::from_json;
use crate::session::{SimSession, broken_world};
use crate::world::CallRecord;

/// `sim_lookup`: an object by its name.
pub struct Lookup {
    pub session: SimSession,
}

#[async_trait]
impl DataSource for Lookup {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let world = self.session.send(call, config).await?;
        let name = config.str("name")?;
        let broken = |e| broken_world(&world, &e);
        let record = CallRecord {
            call: "lookup".into(),
            kind: "sim_lookup".into(),
            address: call.address.to_string(),
            token: call.token.to_string(),
            id: String::new(),
        };
        world.record(record).map_err(broken)?;
        let objects = world.objects().map_err(broken)?;
        let named =
            |a: &serde_json::Map<_, serde_json::Value>| a.get("name").and_then(|n| n.as_str()) == Some(name);
        let mut found = objects.into_iter().filter(|o| named(&o.attributes));
        let (Some(object), None) = (found.next(), found.next()) else {
            return Err(Fault::new(format!("there is no object named \"{name}\", or more than one"))
                .detail("A lookup needs a name that one object of the world has."));
        };
        self.session.answer(config).await?;
        let mut result = config.clone().with("id", object.id).with("kind", object.kind);
        for name in ["value", "size", "zone", "generation"] {
            result.set(name, object.attributes.get(name).map(|v| from_json(v, &Value::Null)));
        }
        Ok(result)
    }
}
