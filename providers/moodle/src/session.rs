use std::sync::Arc;

use mprov_sdk::{Call, ContainerExec, DataSource, Fault, Object, Resource, Services, Session};

use crate::data::{checks, health, plugins, requirements, upgrade_path};
use crate::durability::Database;
use crate::resource::{drain, maintenance, settings, site, site_schema, source, verification};
use crate::web::Web;

/// The configured provider: nothing but the way to containers.
pub struct MoodleSession {
    containers: Option<Arc<dyn ContainerExec>>,
}

/// What every resource inside a container starts from.
#[derive(Clone)]
pub struct Sites(Option<Arc<dyn ContainerExec>>);

impl Sites {
    #[cfg(test)]
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// The web container that the attribute `container` names.
    pub fn web(&self, object: &Object) -> Result<Web, Fault> {
        Ok(Web::new(self.containers()?, object.str("container")?))
    }

    /// The database's container that the attribute `database_container` names, where it does.
    pub fn database(&self, object: &Object) -> Result<Option<Database>, Fault> {
        let Some(container) = object.opt_str("database_container")? else { return Ok(None) };
        Ok(Some(Database::new(self.containers()?, container)))
    }

    fn containers(&self) -> Result<Arc<dyn ContainerExec>, Fault> {
        self.0.clone().ok_or_else(|| {
            Fault::new("containers cannot be reached")
                .detail("No session of the docker provider was lent: see what it reports.")
        })
    }
}

impl MoodleSession {
    pub fn new(services: Services) -> Self {
        Self { containers: services.containers }
    }

    fn sites(&self) -> Sites {
        Sites(self.containers.clone())
    }
}

impl Session for MoodleSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        match kind {
            source::KIND => Some(Arc::new(source::SourceResource)),
            site_schema::KIND => Some(Arc::new(site::SiteResource(self.sites()))),
            settings::KIND => Some(Arc::new(settings::SettingsResource(self.sites()))),
            maintenance::KIND => Some(Arc::new(maintenance::MaintenanceResource(self.sites()))),
            verification::KIND => Some(Arc::new(verification::VerificationResource(self.sites()))),
            drain::KIND => Some(Arc::new(drain::DrainResource(self.sites()))),
            _ => None,
        }
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        match kind {
            health::KIND => Some(Arc::new(health::HealthData(self.sites()))),
            checks::KIND => Some(Arc::new(checks::ChecksData(self.sites()))),
            plugins::KIND => Some(Arc::new(plugins::PluginsData)),
            requirements::KIND => Some(Arc::new(requirements::RequirementsData(self.sites()))),
            upgrade_path::KIND => Some(Arc::new(upgrade_path::UpgradePathData(self.sites()))),
            _ => None,
        }
    }
}

/// Says in the log of the step why the stored values are taken for the observed ones.
pub fn not_seen(call: &Call, why: &str) {
    call.events.log(&format!("cannot be looked at now, taken as it was: {why}"));
}
