use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    CancellationToken, Diagnostics, Events, Fault, Object, PlanRequest, Planned, ProviderSchema, Services,
    Usage, Written, plan_by_schema,
};

/// One call of a provider, and its surroundings.
#[derive(Clone)]
pub struct Call {
    /// Address of the instance, for messages and labels.
    pub address: Arc<str>,
    /// The same for every try of one step, different for every other: the idempotency token of
    /// APIs that have one, a label where they have none.
    pub token: Arc<str>,
    /// The folder of the root module: what relative paths in the configuration are relative to.
    pub base_dir: PathBuf,
    pub events: Arc<dyn Events>,
    /// Cancelled when the user does not want to wait any longer.
    pub cancel: CancellationToken,
    /// Where this step keeps users out: for how long, as far as a rehearsal has measured it.
    pub read_only: Option<Duration>,
}

/// A provider before it is configured: what it knows without the outside world.
#[async_trait]
pub trait Provider: Send + Sync {
    fn schema(&self) -> &ProviderSchema;

    /// What the schema cannot say. The configuration may hold unknown values. Spans are added by
    /// the caller, from the attribute named in [`crate::Diagnostic::address`] where it is one.
    /// `kind` is a type of the provider, or its own name for its configuration.
    fn validate(&self, _kind: &str, _config: &Object) -> Diagnostics {
        Diagnostics::new()
    }

    /// The comparison for one instance. Pure: same request, same answer. Called with unknown
    /// values in the configuration, and also while the provider itself cannot be configured yet.
    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        let schema = self.schema().resource(kind).expect("the planner asks for known types only");
        plan_by_schema(schema, request)
    }

    /// Connects. All values of the configuration are known.
    async fn configure(&self, config: &Object, services: Services) -> Result<Arc<dyn Session>, Fault>;
}

/// A configured provider.
pub trait Session: Send + Sync {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>>;

    fn data_source(&self, _kind: &str) -> Option<Arc<dyn DataSource>> {
        None
    }

    /// What this session lends to other providers.
    fn services(&self) -> Services {
        Services::default()
    }
}

/// A resource type of a configured provider: the calls that touch the world.
///
/// Objects hold every attribute of the schema. No call sees an unknown value, but for `prepare`.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Completes the desired attributes with what inputs outside of HCL decide (the hash of a
    /// build context, the content of a source file). Runs in plan and must not change anything.
    async fn prepare(&self, _call: &Call, config: Object) -> Result<Object, Fault> {
        Ok(config)
    }

    /// What is there now, or none. Attributes that cannot be observed are returned as stored;
    /// where the observed value means the same as the stored one, the stored form is returned.
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault>;

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault>;

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault>;

    /// That it is gone already is success.
    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault>;

    /// What a create with this call's token has made, when the outcome of the create is in doubt;
    /// none if nothing was made. Something half made is returned as an error with
    /// [`Fault::partial`].
    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault>;

    /// What a delete whose outcome is in doubt has left; none if all of it is gone. What the delete
    /// may have set going in the world has come to its end before this answers, so that the answer
    /// stays true.
    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        self.read(call, prior).await
    }

    /// What users have written since that time (RFC 3339, UTC), for types that count writes; one
    /// entry for each kind of thing that is counted, also where none was written.
    async fn written_since(
        &self,
        _call: &Call,
        _stored: &Object,
        _since: &str,
    ) -> Result<Vec<Written>, Fault> {
        Ok(Vec::new())
    }

    /// How much room its data takes; none for types that hold none.
    async fn usage(&self, _call: &Call, _stored: &Object) -> Result<Option<Usage>, Fault> {
        Ok(None)
    }

    /// The instance with that provider-specific id.
    async fn import(&self, _call: &Call, _id: &str) -> Result<Object, Fault> {
        Err(Fault::new("this resource type cannot be imported"))
    }
}

#[async_trait]
pub trait DataSource: Send + Sync {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault>;
}
