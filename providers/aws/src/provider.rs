use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema, Schema, Services,
    Session, Type, plan_by_schema,
};

use crate::ask::Ec2;
use crate::connection::connect;
use crate::pace::Pace;
use crate::session::{AwsSession, resource_schemas};
use crate::{data, instance, security_group_rule, validation};

/// The provider of EC2 and EBS.
pub fn provider() -> Arc<dyn Provider> {
    provider_at(Pace::default())
}

/// The same with another patience: for an API that settles sooner or later than EC2.
pub fn provider_at(pace: Pace) -> Arc<dyn Provider> {
    Arc::new(AwsProvider { schema: schema(), pace })
}

fn schema() -> ProviderSchema {
    let text = |description| Attribute::optional(Type::String, description);
    ProviderSchema {
        name: "aws",
        description: "Machines, disks and networks of Amazon EC2.",
        config: Schema::new(
            "aws",
            "Which account and region. What is not given comes from the surroundings, as AWS defines them.",
            [
                ("region", text("As \"eu-central-1\".")),
                ("profile", text("Name of a profile in AWS's configuration files.")),
                ("credentials_file", text("Path of a file with profiles, instead of ~/.aws/credentials.")),
                ("endpoint", text("URL of the EC2 API, for others than AWS's own.")),
                (
                    "default_tags",
                    Attribute::optional(
                        Type::map(Type::String),
                        "Tags of everything that is made. A change of them reaches what is made, or gets other tags, later.",
                    ),
                ),
            ],
        ),
        resources: resource_schemas(),
        data_sources: data::schemas(),
        uses: &[],
    }
}

struct AwsProvider {
    schema: ProviderSchema,
    pace: Pace,
}

#[async_trait]
impl Provider for AwsProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        validation::validate(kind, config)
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        let schema = self.schema.resource(kind).expect("the planner asks for known types only");
        match kind {
            instance::KIND => instance::plan(schema, request),
            security_group_rule::KIND => security_group_rule::plan(schema, request),
            _ => plan_by_schema(schema, request),
        }
    }

    async fn configure(&self, config: &Object, _services: Services) -> Result<Arc<dyn Session>, Fault> {
        let ec2 = Ec2 {
            client: connect(config).await?,
            default_tags: config.string_map("default_tags")?,
            pace: self.pace,
        };
        Ok(Arc::new(AwsSession::new(ec2)))
    }
}
