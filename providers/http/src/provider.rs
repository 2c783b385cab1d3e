use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema, Services, Session,
};

use crate::session::HttpSession;
use crate::{configuration, data, resource};

/// The provider of everything that has a REST API and no provider of its own.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(HttpProvider {
        schema: ProviderSchema {
            name: "http",
            description: "Any REST API.",
            config: configuration::schema(),
            resources: vec![resource::schema()],
            data_sources: vec![data::schema()],
            uses: &[],
        },
    })
}

struct HttpProvider {
    schema: ProviderSchema,
}

#[async_trait]
impl Provider for HttpProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        match kind {
            resource::KIND => resource::validate(config),
            _ => data::validate(config),
        }
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        resource::plan(self.schema.resource(kind).expect("the planner asks for known types only"), request)
    }

    async fn configure(&self, config: &Object, _services: Services) -> Result<Arc<dyn Session>, Fault> {
        Ok(Arc::new(HttpSession { connection: Arc::new(configuration::connection(config)?) }))
    }
}
