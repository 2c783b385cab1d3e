use mprov_sdk::{Attribute, Field, Schema, Type};

pub const KIND: &str = "docker_image";

/// Nothing replaces an image: its new content gets the same tag while containers still run from
/// the old one, so that a long build comes before what users notice.
pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "An image, built, pulled, loaded or imported, under a tag.",
        [
            ("name", Attribute::required(Type::String, "Its tag, as in \"site/web:1\".")),
            ("pull", Attribute::optional(Type::String, "Reference of an image in a registry.")),
            (
                "build",
                Attribute::block(
                    [
                        ("context", Field::optional(Type::String)),
                        ("dockerfile", Field::optional(Type::String)),
                        ("dockerfile_content", Field::optional(Type::String)),
                        ("ignore", Field::optional(Type::list(Type::String))),
                        ("args", Field::optional(Type::map(Type::String))),
                        ("target", Field::optional(Type::String)),
                        ("labels", Field::optional(Type::map(Type::String))),
                        ("no_cache", Field::with_default(Type::Bool, false)),
                    ],
                    "Builds it: \"context\" is a folder, whose .dockerignore is obeyed, with \"ignore\" as \
                     more lines of it; \"dockerfile\" a path in it (\"Dockerfile\" if not given) or \
                     \"dockerfile_content\" the text itself; \"args\" are the build arguments, \"target\" the \
                     stage. A change of any of it, or of a file in the context, builds anew.",
                ),
            ),
            ("archive", Attribute::optional(Type::String, "Path of a tarball made by `docker save`.")),
            (
                "rootfs",
                Attribute::optional(Type::String, "Path of a tarball of a root file system to import."),
            ),
            (
                "changes",
                Attribute::optional(
                    Type::list(Type::String),
                    "Dockerfile lines (CMD, ENV, EXPOSE, …) for an imported root file system.",
                ),
            ),
            (
                "keep_on_destroy",
                Attribute::optional(Type::Bool, "Leaves the image where it is on destroy.").default(false),
            ),
            (
                "content_hash",
                Attribute::computed(Type::String, "Hash of everything that the image is made from."),
            ),
            computed("id", Type::String, "The image's id, sha256:…"),
            computed(
                "digest",
                Type::String,
                "Digest in the registry where it was pulled from one; otherwise the id.",
            ),
            computed("size", Type::Number, "Bytes on disk."),
            computed(
                "tags",
                Type::list(Type::String),
                "Tags that mprov has set, and takes away with the image.",
            ),
            computed(
                "superseded",
                Type::list(Type::String),
                "Ids of older images that containers still use; removed as soon as none does.",
            ),
        ],
    )
}

fn computed(name: &'static str, ty: Type, description: &'static str) -> (&'static str, Attribute) {
    let attribute = Attribute::computed(ty, description);
    match name {
        "tags" => (name, attribute.recomputed_by(["content_hash", "name"])),
        _ => (name, attribute.recomputed_by(["content_hash"])),
    }
}
