use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Diagnostic, Diagnostics, Fault, Object, Provider, ProviderSchema, Services, Session};

use crate::schema::provider_schema;
use crate::session::SimSession;

/// The provider `sim`. `world` is the folder for configurations that name none; without it every
/// configuration has to.
pub fn provider(world: Option<PathBuf>) -> Arc<dyn Provider> {
    Arc::new(Sim { schema: provider_schema(world.is_some()), world })
}

struct Sim {
    schema: ProviderSchema,
    world: Option<PathBuf>,
}

#[async_trait]
impl Provider for Sim {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, _kind: &str, config: &Object) -> Diagnostics {
        match config["partial_create"].as_str() {
            None | Some("broken" | "unfinished") => Diagnostics::new(),
            Some(other) => Diagnostic::error(5001, format!("partial_create cannot be \"{other}\""))
                .detail("Use \"broken\" or \"unfinished\".")
                .address("partial_create")
                .into(),
        }
    }

    async fn configure(&self, config: &Object, _: Services) -> Result<Arc<dyn Session>, Fault> {
        let Some(world) = config.opt_str("world")?.map(PathBuf::from).or_else(|| self.world.clone()) else {
            return Err(Fault::new("the provider \"sim\" has no world")
                .detail("Give `world`, a folder, in its provider block."));
        };
        Ok(Arc::new(SimSession {
            world,
            latency: milliseconds(config)?,
            honours_tokens: config.opt_bool("honours_tokens")?.unwrap_or(false),
            endpoint: config.opt_str("endpoint")?.map(str::to_owned),
            required_token: config["required_token"].clone(),
        }))
    }
}

/// `latency_ms` of a configuration or an instance.
pub fn milliseconds(object: &Object) -> Result<Duration, Fault> {
    Ok(Duration::from_millis(object.opt_i64("latency_ms")?.unwrap_or(0).clamp(0, 86_400_000).unsigned_abs()))
}
