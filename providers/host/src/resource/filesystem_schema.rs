use mprov_sdk::{Attribute, Diagnostics, Object, Schema, Type};

use super::filesystem_kind::Kind;
use crate::{refused, size};

/// What a delete of a filesystem loses.
pub const DATA: &str = "all files in its image, while a device keeps its data";

pub fn schema() -> Schema {
    Schema::new(
        "host_filesystem",
        "A filesystem on a device or in a file, mounted now and at every boot. A device must be empty; it keeps \
         its data when this is destroyed.",
        [
            ("path", Attribute::required(Type::String, "Where it is mounted; absolute, or relative to the root module.")),
            (
                "device",
                Attribute::optional(Type::String, "The block device, best as /dev/disk/by-id/…").replaces(),
            ),
            (
                "image",
                Attribute::optional(Type::String, "Instead of a device, a sparse file that is made for it.")
                    .replaces(),
            ),
            ("size", Attribute::optional(Type::String, "Of the image, like \"20G\". It can grow.")),
            ("type", Attribute::optional(Type::String, "btrfs, xfs or ext4.").default("btrfs").replaces()),
            ("options", Attribute::optional(Type::list(Type::String), "Mount options, like \"noatime\". Some hold from the next mount only.")),
            ("label", Attribute::optional_computed(Type::String, "The filesystem's label.")),
            (
                "persist",
                Attribute::optional(Type::Bool, "Mount it at boot as well, by a line in /etc/fstab.").default(true),
            ),
            ("uuid", Attribute::computed(Type::String, "The filesystem's UUID.")),
            ("mounted", Attribute::computed(Type::Bool, "It is mounted.")),
            ("in_fstab", Attribute::computed(Type::Bool, "It is mounted at boot.")),
            (
                "device_size",
                Attribute::computed(Type::Number, "Bytes of the device or image that it fills.")
                    .recomputed_by(["size"]),
            ),
            ("fills_device", Attribute::computed(Type::Bool, "False once the device or image has grown.")),
            ("absolute_path", Attribute::computed(Type::String, "The path on the machine.").recomputed_by(["path"])),
            (
                "parents",
                Attribute::computed(Type::list(Type::String), "Parent folders that were made for it.")
                    .recomputed_by(["path"]),
            ),
        ],
    )
    .holds_data(DATA)
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let given = |name: &str| !config[name].is_null();
    if given("device") == given("image") {
        let detail = "Give device for a block device, or image and size for a file that is made.";
        found.push(refused("device", "a filesystem is on a device or in an image, one of them", detail));
    }
    if given("image") != given("size") && !(given("device") && given("image")) {
        let (attribute, summary) = match given("size") {
            true => ("size", "a device has its size already"),
            false => ("image", "an image needs a size"),
        };
        found.push(refused(attribute, summary, "size goes with image, like size = \"20G\"."));
    }
    let kind = config["type"].as_str().map(|name| Kind::parse(name).ok_or(name));
    if let Some(Err(name)) = kind {
        found.push(refused(
            "type",
            format!("a filesystem of type \"{name}\" cannot be made"),
            "Use btrfs, xfs or ext4.",
        ));
    }
    let kind = kind.and_then(Result::ok);
    match config["size"].as_str().map(size::parse) {
        Some(Err(fault)) => found.push(refused("size", fault.summary, fault.detail)),
        Some(Ok(bytes)) if kind.is_some_and(|kind| bytes < kind.smallest()) => {
            let smallest = size::exact(kind.map_or(0, Kind::smallest));
            found.push(refused(
                "size",
                "the image is too small for its type",
                format!("It needs {smallest}."),
            ));
        }
        _ => {}
    }
    if let (Some(kind), Some(label)) = (kind, config["label"].as_str())
        && label.len() > kind.longest_label()
    {
        let detail = format!("{} takes at most {} bytes.", kind.name(), kind.longest_label());
        found.push(refused("label", format!("the label \"{label}\" is too long"), detail));
    }
    if config["label"].as_str().is_some_and(|label| label.contains(char::is_whitespace)) {
        let detail = "Some of the tools that set labels cannot pass it. Use letters, digits, - and _.";
        found.push(refused("label", "the label has white space in it", detail));
    }
    found
}
