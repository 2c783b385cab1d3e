use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Diagnostics, Fault, Object, Provider, ProviderSchema, Services, Session};

use crate::account::{self, Account};
use crate::api::Api;
use crate::environment::Environment;
use crate::session::OpenStackSession;
use crate::{data, resource, validation};

/// The provider of what a project of an OpenStack cloud can have.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(OpenStackProvider { schema: schema() })
}

fn schema() -> ProviderSchema {
    ProviderSchema {
        name: "openstack",
        description: "Instances, volumes, networks and addresses of a project of an OpenStack cloud.",
        config: account::schema(),
        resources: vec![
            resource::key_pair::schema(),
            resource::network::schema(),
            resource::subnet::schema(),
            resource::router::schema(),
            resource::port::schema(),
            resource::security_group::schema(),
            resource::security_group_rule::schema(),
            resource::volume::schema(),
            resource::snapshot::schema(),
            resource::instance::schema(),
            resource::volume_attachment::schema(),
            resource::address::schema(),
            resource::address_association::schema(),
        ],
        data_sources: vec![
            data::image::schema(),
            data::instance_type::schema(),
            data::network::schema(),
            data::availability_zones::schema(),
            data::snapshot::schema(),
        ],
        uses: &[],
    }
}

struct OpenStackProvider {
    schema: ProviderSchema,
}

#[async_trait]
impl Provider for OpenStackProvider {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        validation::validate(kind, config)
    }

    async fn configure(&self, config: &Object, _services: Services) -> Result<Arc<dyn Session>, Fault> {
        let account = Account::of(config, &Environment::of_process())?;
        let api = Api::new(account)?;
        api.sign_in().await?;
        Ok(Arc::new(OpenStackSession::new(api)))
    }
}
