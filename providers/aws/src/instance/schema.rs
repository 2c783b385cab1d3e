use std::time::Duration;

use mprov_sdk::{Attribute, Field, Impact, Schema, Type};

use crate::common;

pub const KIND: &str = "aws_instance";

/// Attributes whose change is made by stopping, changing and starting the instance.
pub const RESTARTING: [&str; 2] = ["instance_type", "user_data"];

/// What a stop and a start of an instance usually take together.
pub const RESTART: Duration = Duration::from_secs(120);

/// What a new instance usually takes until it serves.
const REBUILD: Duration = Duration::from_secs(300);

/// Of `root_volume`: what only a new instance can have.
pub const ROOT_FIXED: [&str; 2] = ["encrypted", "kms_key_id"];

pub fn schema() -> Schema {
    let text = |description| Attribute::optional(Type::String, description);
    let chosen = |description| Attribute::optional_computed(Type::String, description).replaces();
    let told = |description| Attribute::computed(Type::String, description);
    let restarts = Impact::downtime(RESTART);
    let user_data = "What cloud-init gets, plain text of at most 16 KiB. A change stops and starts the instance; \
                     cloud-init runs most of it at the first boot only.";
    let root_volume = "The disk it boots from: size (GiB), type, iops and throughput can change in place, \
                       encrypted and kms_key_id are for new instances.";
    Schema::new(
        KIND,
        "A virtual machine. Its metadata service takes session tokens only (IMDSv2).",
        [
            common::name(),
            ("image", common::fixed("The machine image, ami-…")),
            (
                "instance_type",
                Attribute::required(Type::String, "As \"t3.small\". A change stops and starts the instance.")
                    .impact(restarts.clone()),
            ),
            ("key_name", text("The key pair that is let in.").replaces()),
            ("user_data", text(user_data).impact(restarts)),
            ("availability_zone", chosen("The zone; EC2 chooses one where none is given.")),
            ("subnet_id", chosen("The subnet; one of the default VPC where none is given.")),
            (
                "security_group_ids",
                Attribute::optional_computed(
                    Type::set(Type::String),
                    "The security groups; the VPC's default one where none is given.",
                ),
            ),
            (
                "root_volume",
                Attribute {
                    presence: mprov_sdk::Presence::OptionalComputed,
                    ..Attribute::block(root_fields(), root_volume)
                },
            ),
            ("iam_instance_profile", text("Name of the instance profile whose role it has.")),
            (
                "termination_protection",
                Attribute::optional(Type::Bool, "EC2 refuses to terminate it.").default(false),
            ),
            ("root_volume_id", told("The disk it boots from, vol-…")),
            ("private_ip", told("Its address in the VPC.")),
            ("public_ip", told("Its public IPv4 address, null where it has none.").recomputed_by(RESTARTING)),
            ("status", told("EC2's state; \"running\" after an apply.")),
            common::tags(),
            common::id("Of the instance, i-…"),
        ],
    )
    .delete_impact(Impact::downtime(REBUILD))
    .holds_data("everything on the root volume")
}

fn root_fields() -> [(&'static str, Field); 6] {
    let optional = |ty| Field::optional(ty);
    [
        ("size", optional(Type::Number)),
        ("type", optional(Type::String)),
        ("iops", optional(Type::Number)),
        ("throughput", optional(Type::Number)),
        ("encrypted", optional(Type::Bool)),
        ("kms_key_id", optional(Type::String)),
    ]
}
