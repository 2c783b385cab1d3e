use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Diagnostics, Fault, Name, Object, Provider, ProviderSchema, Schema, Services, Session,
};

use crate::data::{checks, health, plugins, requirements, upgrade_path};
use crate::resource::{drain, maintenance, settings, site_schema, source, verification};
use crate::session::MoodleSession;

/// The provider `moodle`.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(MoodleProvider { schema: schema() })
}

struct MoodleProvider {
    schema: ProviderSchema,
}

fn schema() -> ProviderSchema {
    ProviderSchema {
        name: "moodle",
        description: "Moodle sites in containers: source, installation, upgrade, settings, maintenance, checks.",
        config: Schema::new(
            "moodle",
            "There is nothing to configure: containers are reached through the docker provider.",
            [] as [(Name, Attribute); 0],
        ),
        resources: vec![
            source::schema(),
            site_schema::schema(),
            settings::schema(),
            maintenance::schema(),
            drain::schema(),
            verification::schema(),
        ],
        data_sources: vec![
            health::schema(),
            checks::schema(),
            plugins::schema(),
            requirements::schema(),
            upgrade_path::schema(),
        ],
        uses: &["docker"],
    }
}

#[async_trait]
impl Provider for MoodleProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        match kind {
            source::KIND => source::validate(config),
            site_schema::KIND => site_schema::validate(config),
            settings::KIND => settings::validate(config),
            maintenance::KIND => maintenance::validate(config),
            verification::KIND => verification::validate(config),
            drain::KIND => drain::validate(config),
            health::KIND => health::validate(config),
            checks::KIND => checks::validate(config),
            plugins::KIND => plugins::validate(config),
            requirements::KIND => requirements::validate(config),
            upgrade_path::KIND => upgrade_path::validate(config),
            _ => Diagnostics::new(),
        }
    }

    async fn configure(&self, _config: &Object, services: Services) -> Result<Arc<dyn Session>, Fault> {
        Ok(Arc::new(MoodleSession::new(services)))
    }
}
