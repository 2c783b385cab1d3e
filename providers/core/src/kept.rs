use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use mprov_sdk::{
    Call, Change, Diagnostic, Diagnostics, Fault, Object, PlanRequest, Planned, Resource, Schema, Verdict,
    plan_by_schema,
};

/// Tells the time. A parameter, so that what depends on time can be tested without waiting.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A resource type whose instances exist nowhere but in the state.
pub trait Kind: Send + Sync {
    fn schema(&self) -> Schema;

    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::new()
    }

    fn plan(&self, schema: &Schema, request: &PlanRequest<'_>) -> Planned {
        plan_by_schema(schema, request)
    }

    /// The new instance.
    fn make(&self, planned: &Object, now: Timestamp) -> Result<Object, Fault>;

    /// The instance after a change in place.
    fn revise(&self, _prior: &Object, planned: &Object, _now: Timestamp) -> Result<Object, Fault> {
        Ok(planned.clone())
    }

    /// What time alone has made of the stored instance.
    fn observe(&self, stored: &Object, _now: Timestamp) -> Result<Object, Fault> {
        Ok(stored.clone())
    }
}

/// The calls of a [`Kind`].
pub struct Kept {
    pub kind: Arc<dyn Kind>,
    pub clock: Clock,
}

#[async_trait]
impl Resource for Kept {
    async fn read(&self, _: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        self.kind.observe(stored, (self.clock)()).map(Some)
    }

    async fn create(&self, _: &Call, planned: &Object) -> Result<Object, Fault> {
        self.kind.make(planned, (self.clock)())
    }

    async fn update(&self, _: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        self.kind.revise(prior, planned, (self.clock)())
    }

    async fn delete(&self, _: &Call, _: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// A create whose outcome was not recorded has left nothing.
    async fn find(&self, _: &Call, _: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

/// A value of the configuration that the type cannot work with.
pub fn refused(attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(5001, summary).detail(detail).address(attribute)
}

/// A known whole number of the configuration; none where it is null or unknown.
pub fn known_i64(config: &Object, name: &str) -> Option<i64> {
    config[name].as_i64()
}

/// The comparison of a type that time wears out: where `flag` is observed to be true, the instance
/// is replaced, and the new one is not worn.
pub fn plan_worn(schema: &Schema, request: &PlanRequest<'_>, flag: &'static str) -> Planned {
    let worn = request.observed.is_some_and(|o| o[flag].as_bool() == Some(true));
    if !worn {
        return plan_by_schema(schema, request);
    }
    let mut planned = plan_by_schema(schema, &PlanRequest { observed: None, ..*request });
    planned.after.set(flag, false);
    planned.verdict = Verdict::Replace;
    planned.changes = plan_by_schema(schema, request).changes;
    planned.changes.push(Change {
        name: flag.into(),
        before: true.into(),
        after: false.into(),
        replaces: true,
    });
    planned
}
