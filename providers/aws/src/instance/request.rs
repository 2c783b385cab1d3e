use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceType, Placement, ResourceType,
    VolumeType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::Object;

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::tags;

/// Containers are one hop further from the metadata service than the machine itself.
const HOPS: i32 = 2;

/// The call that makes an instance.
pub async fn run(ask: &Ask<'_>, planned: &Object) -> Result<RunInstancesFluentBuilder, Failure> {
    let text = |name: &str| planned.opt_str(name).map(|text| text.map(str::to_owned));
    let groups = planned.strings("security_group_ids")?;
    let request = ask
        .client()
        .run_instances()
        .min_count(1)
        .max_count(1)
        .client_token(ask.client_token())
        .image_id(planned.str("image")?)
        .instance_type(InstanceType::from(planned.str("instance_type")?))
        .set_key_name(text("key_name")?)
        .set_user_data(text("user_data")?.map(|data| STANDARD.encode(data)))
        .set_subnet_id(text("subnet_id")?)
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .disable_api_termination(planned.opt_bool("termination_protection")?.unwrap_or_default())
        .metadata_options(tokens_only())
        .tag_specifications(tags::specification(ask, ResourceType::Instance, planned)?)
        .tag_specifications(tags::companion(ask, ResourceType::Volume, planned)?);
    let request = match text("availability_zone")? {
        Some(zone) => request.placement(Placement::builder().availability_zone(zone).build()),
        None => request,
    };
    let request = match text("iam_instance_profile")? {
        Some(name) => {
            request.iam_instance_profile(IamInstanceProfileSpecification::builder().name(name).build())
        }
        None => request,
    };
    match planned.object("root_volume")? {
        Some(root) => {
            let device = root_device(ask, planned.str("image")?).await?;
            Ok(request.block_device_mappings(mapping(device, root)?))
        }
        None => Ok(request),
    }
}

/// IMDSv2: a request forgery inside the site cannot read the role's credentials
/// (Amazon EC2 User Guide, "Use the Instance Metadata Service").
fn tokens_only() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(HOPS)
        .build()
}

/// The name by which the image knows the disk it boots from.
async fn root_device(ask: &Ask<'_>, image: &str) -> Result<String, Failure> {
    let request = ask.client().describe_images().image_ids(image);
    let found = ask.safely(|| request.clone().send()).await?;
    let device = found.images.unwrap_or_default().into_iter().find_map(|image| image.root_device_name);
    device.ok_or_else(|| Failure::refused("InvalidAMIID.NotFound", format!("there is no image {image}")))
}

fn mapping(device: String, root: &Object) -> Result<BlockDeviceMapping, Failure> {
    let disk = EbsBlockDevice::builder()
        .delete_on_termination(true)
        .set_volume_size(common::int(root, "size")?)
        .set_volume_type(root.opt_str("type")?.map(VolumeType::from))
        .set_iops(common::int(root, "iops")?)
        .set_throughput(common::int(root, "throughput")?)
        .set_encrypted(root.opt_bool("encrypted")?)
        .set_kms_key_id(root.opt_str("kms_key_id")?.map(str::to_owned));
    Ok(BlockDeviceMapping::builder().device_name(device).ebs(disk.build()).build())
}
