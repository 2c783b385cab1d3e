use std::sync::Arc;

use bollard::Docker;
use mprov_sdk::{DataSource, Machine, Resource, Services, Session};

use crate::container::{self, ContainerResource};
use crate::data::{self, EngineData, ImageData, NetworkData};
use crate::exec::Exec;
use crate::image::{self, ImageResource};
use crate::network::{self, NetworkResource};
use crate::volume::{self, VolumeResource};

/// A connection to one engine. Clones of the client share it.
pub struct DockerSession {
    pub docker: Docker,
    /// The way to the engine is open as long as this is held.
    pub _machine: Option<Arc<dyn Machine>>,
}

impl Session for DockerSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let docker = self.docker.clone();
        Some(match kind {
            image::KIND => Arc::new(ImageResource { docker }),
            network::KIND => Arc::new(NetworkResource { docker }),
            volume::KIND => Arc::new(VolumeResource { docker }),
            container::KIND => Arc::new(ContainerResource { docker }),
            _ => return None,
        })
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        let docker = self.docker.clone();
        Some(match kind {
            data::NETWORK => Arc::new(NetworkData { docker }),
            data::IMAGE => Arc::new(ImageData { docker }),
            data::ENGINE => Arc::new(EngineData { docker }),
            _ => return None,
        })
    }

    fn services(&self) -> Services {
        Services { containers: Some(Arc::new(Exec { docker: self.docker.clone() })), machine: None }
    }
}
