use std::sync::Arc;

use mprov_sdk::{DataSource, Resource, Schema, Session};

use crate::address::AddressKind;
use crate::address_association::AddressAssociationKind;
use crate::ask::Ec2;
use crate::data::{
    AVAILABILITY_ZONES, AvailabilityZonesData, IMAGE, ImageData, NETWORK, NetworkData, SNAPSHOT, SnapshotData,
};
use crate::instance::InstanceKind;
use crate::internet_gateway::InternetGatewayKind;
use crate::key_pair::KeyPairKind;
use crate::kind::Kind;
use crate::route_table::RouteTableKind;
use crate::route_table_association::RouteTableAssociationKind;
use crate::security_group::SecurityGroupKind;
use crate::security_group_rule::SecurityGroupRuleKind;
use crate::snapshot::SnapshotKind;
use crate::subnet::SubnetKind;
use crate::tracked::{Sightings, Tracked};
use crate::volume::VolumeKind;
use crate::volume_attachment::VolumeAttachmentKind;
use crate::vpc::VpcKind;

/// A connection to EC2 in one account and region.
pub struct AwsSession {
    ec2: Arc<Ec2>,
    sightings: Sightings,
}

/// The one list of resource types: what they are, and how to make a resource of each.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        pub fn resource_schemas() -> Vec<Schema> {
            vec![$($kind::schema()),*]
        }

        impl AwsSession {
            fn tracked(&self, name: &str) -> Option<Arc<dyn Resource>> {
                $(if name == $kind::schema().name {
                    let (ec2, sightings) = (self.ec2.clone(), self.sightings.clone());
                    return Some(Arc::new(Tracked { kind: $kind, ec2, sightings }));
                })*
                None
            }
        }
    };
}

kinds!(
    VpcKind,
    SubnetKind,
    InternetGatewayKind,
    RouteTableKind,
    RouteTableAssociationKind,
    SecurityGroupKind,
    SecurityGroupRuleKind,
    KeyPairKind,
    InstanceKind,
    VolumeKind,
    VolumeAttachmentKind,
    SnapshotKind,
    AddressKind,
    AddressAssociationKind,
);

impl AwsSession {
    pub fn new(ec2: Ec2) -> Self {
        Self { ec2: Arc::new(ec2), sightings: Sightings::default() }
    }
}

impl Session for AwsSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        self.tracked(kind)
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        let ec2 = self.ec2.clone();
        Some(match kind {
            IMAGE => Arc::new(ImageData { ec2 }),
            AVAILABILITY_ZONES => Arc::new(AvailabilityZonesData { ec2 }),
            SNAPSHOT => Arc::new(SnapshotData { ec2 }),
            NETWORK => Arc::new(NetworkData { ec2 }),
            _ => return None,
        })
    }
}
