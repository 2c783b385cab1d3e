use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema, Schema, Services,
    Session, Type, plan_by_schema,
};

use crate::connection::{DEFAULT_HOST, connect};
use crate::session::DockerSession;
use crate::validation::{CONTRADICTION, check_labels, error};
use crate::{container, data, image, network, volume};

/// The provider of images, networks, volumes and containers.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(DockerProvider { schema: schema() })
}

fn schema() -> ProviderSchema {
    ProviderSchema {
        name: "docker",
        description: "Containers and what they need, on one Docker engine.",
        config: Schema::new(
            "docker",
            "Which engine.",
            [(
                "host",
                Attribute::optional(
                    Type::String,
                    "Address of the engine: unix:///path/of/docker.sock on the machine of the host provider (the \
                     default is unix:///var/run/docker.sock) or tcp://host:port, which is not encrypted.",
                ),
            )],
        ),
        resources: vec![image::schema(), network::schema(), volume::schema(), container::schema()],
        data_sources: data::schemas(),
        uses: &["host"],
    }
}

struct DockerProvider {
    schema: ProviderSchema,
}

#[async_trait]
impl Provider for DockerProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        match kind {
            container::KIND => container::validate(config),
            image::KIND => image::validate(config),
            network::KIND => validate_network(config),
            _ => {
                let mut found = Diagnostics::new();
                check_labels(&mut found, config);
                found
            }
        }
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        let schema = self.schema.resource(kind).expect("the planner asks for known types only");
        match kind {
            container::KIND => container::plan(schema, request),
            _ => plan_by_schema(schema, request),
        }
    }

    async fn configure(&self, config: &Object, services: Services) -> Result<Arc<dyn Session>, Fault> {
        let host = config.opt_str("host")?.unwrap_or(DEFAULT_HOST);
        let docker = connect(host, services.machine.as_deref()).await?;
        Ok(Arc::new(DockerSession { docker, _machine: services.machine }))
    }
}

fn validate_network(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_labels(&mut found, config);
    if !config.get("gateway").is_null() && config.get("subnet").is_null() {
        found.push(error(
            CONTRADICTION,
            "gateway",
            "\"gateway\" needs \"subnet\"",
            "The gateway is an address of the subnet: set \"subnet\" too, or leave both to Docker.",
        ));
    }
    found
}
