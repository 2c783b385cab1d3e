use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::InspectNetworkOptions;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};

use crate::fault::{engine_fault, unless_gone};
use crate::network;

pub const NETWORK: &str = "docker_network";
pub const IMAGE: &str = "docker_image";
pub const ENGINE: &str = "docker_engine";

pub fn schemas() -> Vec<Schema> {
    let text = |description| Attribute::computed(Type::String, description);
    vec![
        Schema::new(
            NETWORK,
            "A network that exists.",
            [
                ("name", Attribute::required(Type::String, "Its name or id.")),
                ("id", text("Docker's id of the network.")),
                ("driver", text("The network driver.")),
                ("subnet", text("Addresses as a CIDR range.")),
                ("gateway", text("Address of the gateway.")),
                (
                    "internal",
                    Attribute::computed(Type::Bool, "Whether it is cut off from the outside world."),
                ),
            ],
        ),
        Schema::new(
            IMAGE,
            "An image that the engine has.",
            [
                ("name", Attribute::required(Type::String, "Its tag, digest or id.")),
                ("id", text("The image's id, sha256:…")),
                ("digest", text("Digest in the registry where it was pulled from one; otherwise the id.")),
                ("size", Attribute::computed(Type::Number, "Bytes on disk.")),
            ],
        ),
        Schema::new(
            ENGINE,
            "The Docker engine itself.",
            [
                ("version", text("Version of the engine.")),
                ("api_version", text("The newest version of its API.")),
                ("operating_system", text("Operating system of its machine.")),
                ("architecture", text("Processor of its machine.")),
                ("storage_driver", text("How it stores layers.")),
                ("data_root", text("Where its data lies.")),
            ],
        ),
    ]
}

pub struct NetworkData {
    pub docker: Docker,
}

#[async_trait]
impl DataSource for NetworkData {
    async fn read(&self, _call: &Call, config: &Object) -> Result<Object, Fault> {
        let name = config.str("name")?;
        let found = unless_gone(self.docker.inspect_network(name, None::<InspectNetworkOptions>).await)
            .map_err(|e| engine_fault(format!("network {name} could not be inspected"), &e))?;
        let found = found.ok_or_else(|| {
            Fault::new(format!("there is no network {name}"))
                .detail("`docker network ls` lists what there is.")
        })?;
        let seen = network::observed(&found);
        let mut object = config.clone();
        for name in ["id", "driver", "subnet", "gateway", "internal"] {
            object.set(name, seen.get(name).clone());
        }
        Ok(object)
    }
}

pub struct ImageData {
    pub docker: Docker,
}

#[async_trait]
impl DataSource for ImageData {
    async fn read(&self, _call: &Call, config: &Object) -> Result<Object, Fault> {
        let name = config.str("name")?;
        let found = unless_gone(self.docker.inspect_image(name).await)
            .map_err(|e| engine_fault(format!("image {name} could not be inspected"), &e))?;
        let image = found.ok_or_else(|| {
            Fault::new(format!("there is no image {name}")).detail("`docker images` lists what there is.")
        })?;
        let id = image.id.unwrap_or_default();
        let digests = image.repo_digests.unwrap_or_default();
        let digest = digests.iter().find_map(|d| d.split_once('@').map(|(_, digest)| digest.to_owned()));
        Ok(config
            .clone()
            .with("digest", digest.unwrap_or_else(|| id.clone()))
            .with("id", id)
            .with("size", image.size))
    }
}

pub struct EngineData {
    pub docker: Docker,
}

#[async_trait]
impl DataSource for EngineData {
    async fn read(&self, _call: &Call, config: &Object) -> Result<Object, Fault> {
        let what = "the Docker engine could not be asked about itself";
        let (version, info) = tokio::try_join!(self.docker.version(), self.docker.info())
            .map_err(|e| engine_fault(what, &e))?;
        Ok(config
            .clone()
            .with("version", version.version)
            .with("api_version", version.api_version)
            .with("operating_system", info.operating_system)
            .with("architecture", info.architecture)
            .with("storage_driver", info.driver)
            .with("data_root", info.docker_root_dir))
    }
}
