use std::sync::Arc;

use mprov_sdk::{DataSource, Resource, Session};

use crate::api::Api;
use crate::data;
use crate::resource::volume::SizesSeen;
use crate::resource::{
    self, address::AddressResource, address_association::AssociationResource, instance::InstanceResource,
    key_pair::KeyPairResource, network::NetworkResource, port::PortResource, router::RouterResource,
    security_group::GroupResource, security_group_rule::RuleResource, snapshot::SnapshotResource,
    subnet::SubnetResource, volume::VolumeResource, volume_attachment::AttachmentResource,
};

/// One account of one cloud. All of its resources share the token.
pub struct OpenStackSession {
    api: Arc<Api>,
    sizes: Arc<SizesSeen>,
}

impl OpenStackSession {
    pub fn new(api: Api) -> Self {
        Self { api: Arc::new(api), sizes: Arc::default() }
    }
}

impl Session for OpenStackSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let api = self.api.clone();
        Some(match kind {
            resource::key_pair::KIND => Arc::new(KeyPairResource { api }),
            resource::network::KIND => Arc::new(NetworkResource { api }),
            resource::subnet::KIND => Arc::new(SubnetResource { api }),
            resource::router::KIND => Arc::new(RouterResource { api }),
            resource::port::KIND => Arc::new(PortResource { api }),
            resource::security_group::KIND => Arc::new(GroupResource { api }),
            resource::security_group_rule::KIND => Arc::new(RuleResource { api }),
            resource::volume::KIND => Arc::new(VolumeResource { api, sizes: self.sizes.clone() }),
            resource::snapshot::KIND => Arc::new(SnapshotResource { api }),
            resource::instance::KIND => Arc::new(InstanceResource { api }),
            resource::volume_attachment::KIND => Arc::new(AttachmentResource { api }),
            resource::address::KIND => Arc::new(AddressResource { api }),
            resource::address_association::KIND => Arc::new(AssociationResource { api }),
            _ => return None,
        })
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        let api = self.api.clone();
        Some(match kind {
            data::image::KIND => Arc::new(data::image::ImageData { api }),
            data::instance_type::KIND => Arc::new(data::instance_type::InstanceTypeData { api }),
            data::network::KIND => Arc::new(data::network::NetworkData { api }),
            data::availability_zones::KIND => Arc::new(data::availability_zones::ZonesData { api }),
            data::snapshot::KIND => Arc::new(data::snapshot::SnapshotData { api }),
            _ => return None,
        })
    }
}
