use std::time::Duration;

use mprov_sdk::{Attribute, Field, Impact, Schema, Type};

pub const KIND: &str = "openstack_instance";

/// A resize takes an instance down, copies its disk where it moves, and boots it again.
const RESIZE: Duration = Duration::from_secs(120);
/// The least that a stop or the boot after a start takes.
const STOP: Duration = Duration::from_secs(30);

pub fn schema() -> Schema {
    let text = |description| Attribute::optional(Type::String, description);
    let computed = |description| Attribute::computed(Type::String, description);
    Schema::new(
        KIND,
        "A virtual machine. What it writes to its own disk goes with it: data belongs on volumes.",
        [
            ("name", Attribute::required(Type::String, "Its name; the host name is made of it.")),
            ("image", text("Id of the image that it boots; left out where root_volume names a volume.").replaces()),
            (
                "instance_type",
                Attribute::required(Type::String, "Name or id of the flavour. A change stops it and starts it again.")
                    .impact(Impact::downtime(RESIZE)),
            ),
            ("key_name", text("Name of the key pair that it lets in.").replaces()),
            (
                "user_data",
                text("What cloud-init in the instance is told at its first boot, as plain text.").replaces(),
            ),
            (
                "availability_zone",
                Attribute::optional_computed(Type::String, "Where it runs; the cloud chooses where none is given.")
                    .replaces(),
            ),
            ("network_id", text("The network that it gets a port in.").replaces()),
            ("port_id", text("The port that it is put on, instead of a network.").replaces()),
            (
                "security_group_ids",
                Attribute::optional_computed(
                    Type::set(Type::String),
                    "What may come in and go out; the project's default group where nothing is said. With port_id \
                     the port's own groups count.",
                ),
            ),
            (
                "root_volume",
                Attribute::block(
                    [
                        ("size", Field::optional(Type::Number)),
                        ("type", Field::optional(Type::String)),
                        ("volume_id", Field::optional(Type::String)),
                        ("delete_on_termination", Field::with_default(Type::Bool, true)),
                    ],
                    "Boots from a volume instead of a disk of the hypervisor: a new one of \"size\" GiB and \"type\" \
                     made of the image, or the one that volume_id names.",
                )
                .replaces(),
            ),
            (
                "tags",
                Attribute::optional(Type::map(Type::String), "Metadata. Names that begin with mprov- are mprov's own."),
            ),
            (
                "running",
                Attribute::optional(Type::Bool, "Whether it runs; otherwise it is shut down and keeps its disks.")
                    .default(true)
                    .impact(Impact::downtime(STOP)),
            ),
            ("private_ip", computed("Its first address inside.")),
            ("public_ip", computed("Its floating IP; null without one.")),
            ("status", computed("What Nova says of it: ACTIVE, SHUTOFF, ERROR.").recomputed_by(["running", "instance_type"])),
            ("id", computed("Its id.")),
        ],
    )
    .delete_impact(Impact::downtime(RESIZE))
}
