use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    DataSource, Diagnostic, Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema,
    Resource, Schema, Services, Session, plan_by_schema,
};

use crate::connection::{Connection, Local, Remote, Settings, ssh_attributes, validate_ssh};
use crate::fstab::Fstab;
use crate::machine::ConnectedMachine;
use crate::resource::{self, HostCommand, HostDirectory, HostFile, HostFilesystem, HostVolume};
use crate::{data, ownership};

/// The provider `host`: the machine that mprov runs on.
pub fn provider() -> Arc<dyn Provider> {
    with_fstab(Fstab("/etc/fstab".to_owned()))
}

/// With the table of what is mounted at boot in another place.
pub fn with_fstab(fstab: Fstab) -> Arc<dyn Provider> {
    let schema = ProviderSchema {
        name: "host",
        description: "A machine: files, directories, commands, filesystems and clonable volumes.",
        config: Schema::new(
            "host",
            "The machine that mprov runs on, or one that is reached by SSH.",
            ssh_attributes(),
        ),
        resources: vec![
            resource::directory_schema(),
            resource::file_schema(),
            resource::command_schema(),
            resource::filesystem_schema(),
            resource::volume_schema(),
        ],
        data_sources: vec![data::file_schema(), data::info_schema()],
        uses: &[],
    };
    Arc::new(Host { schema, fstab })
}

struct Host {
    schema: ProviderSchema,
    fstab: Fstab,
}

#[async_trait]
impl Provider for Host {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        match kind {
            // The data source of that name has no such attribute.
            "host_file" if config.contains("overwrite") => resource::validate_file(config),
            "host_directory" => ownership::validate(config),
            "host_command" => resource::validate_command(config),
            "host_filesystem" => resource::validate_filesystem(config),
            "host_volume" => resource::validate_volume(config),
            "host" => validate_ssh(config),
            _ => Diagnostics::new(),
        }
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        let schema = self.schema.resource(kind).expect("the planner asks for known types only");
        match kind {
            "host_command" => resource::plan_command(schema, request),
            "host_filesystem" => resource::plan_filesystem(schema, request),
            "host_volume" => resource::plan_volume(schema, request),
            _ => plan_by_schema(schema, request),
        }
    }

    async fn configure(&self, config: &Object, _: Services) -> Result<Arc<dyn Session>, Fault> {
        let connection: Arc<dyn Connection> = match Settings::from_config(config)? {
            Some(settings) => Arc::new(Remote::open(settings).await?),
            None => Arc::new(Local),
        };
        Ok(Arc::new(HostSession { connection, fstab: self.fstab.clone() }))
    }
}

/// A machine that is connected.
struct HostSession {
    connection: Arc<dyn Connection>,
    fstab: Fstab,
}

impl Session for HostSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let connection = self.connection.clone();
        Some(match kind {
            "host_directory" => Arc::new(HostDirectory(connection)),
            "host_file" => Arc::new(HostFile(connection)),
            "host_command" => Arc::new(HostCommand(connection)),
            "host_filesystem" => Arc::new(HostFilesystem { connection, fstab: self.fstab.clone() }),
            "host_volume" => Arc::new(HostVolume::new(connection, self.fstab.clone())),
            _ => return None,
        })
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        let connection = self.connection.clone();
        Some(match kind {
            "host_file" => Arc::new(data::HostFileData(connection)),
            "host_info" => Arc::new(data::HostInfo(connection)),
            _ => return None,
        })
    }

    fn services(&self) -> Services {
        let machine = Arc::new(ConnectedMachine(self.connection.clone()));
        Services { machine: Some(machine), ..Services::default() }
    }
}

/// A value of the configuration that a type cannot work with.
pub fn refused(attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(5001, summary).detail(detail).address(attribute)
}
