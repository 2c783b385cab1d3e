use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{ArchitectureValues, Image};
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type};

use crate::ask::{Ask, Ec2, filter};

pub const KIND: &str = "aws_image";

pub fn schema() -> Schema {
    let text = |description| Attribute::computed(Type::String, description);
    let owners = "Whose images: account ids, \"self\", \"amazon\" or \"aws-marketplace\". Anybody can publish an \
                  image of any name, so the owner has to be said.";
    Schema::new(
        KIND,
        "The newest machine image of some.",
        [
            ("owners", Attribute::required(Type::list(Type::String), owners)),
            ("name", Attribute::required(Type::String, "Its name, with * and ?, as \"debian-12-amd64-*\".")),
            (
                "architecture",
                Attribute::optional_computed(
                    Type::String,
                    "\"x86_64\" or \"arm64\"; any where none is given.",
                ),
            ),
            ("id", text("Of the image, ami-…")),
            ("full_name", text("Its name in full.")),
            ("created_at", text("When it was made, RFC 3339.")),
            ("owner_id", text("The account that it is of.")),
            ("root_device", text("The name of the disk that it boots from.")),
        ],
    )
}

pub struct ImageData {
    pub ec2: Arc<Ec2>,
}

#[async_trait]
impl DataSource for ImageData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let ask = Ask { ec2: &self.ec2, call };
        let (name, owners) = (config.str("name")?, config.strings("owners")?);
        let request = ask.client().describe_images().set_owners(Some(owners.clone()));
        let request = request.filters(filter("name", name)).filters(filter("state", "available"));
        let architecture = config.opt_str("architecture")?;
        let request = match architecture {
            Some(architecture) => request.filters(filter("architecture", architecture)),
            None => request,
        };
        let found = ask.plainly(|| request.clone().send()).await;
        let found = found.map_err(|f| f.fault("the images could not be listed"))?;
        let newest = found.images.unwrap_or_default().into_iter().max_by(|a, b| age(a).cmp(&age(b)));
        let image = newest.ok_or_else(|| {
            let which = architecture.map(|a| format!(" for {a}")).unwrap_or_default();
            Fault::new(format!("there is no image named {name}{which} of {}", owners.join(", ")))
                .detail("See that name, owner and region are right: images differ from region to region.")
        })?;
        Ok(config
            .clone()
            .with("architecture", image.architecture.as_ref().map(ArchitectureValues::as_str))
            .with("id", image.image_id)
            .with("full_name", image.name)
            .with("created_at", image.creation_date)
            .with("owner_id", image.owner_id)
            .with("root_device", image.root_device_name))
    }
}

/// Newer is greater; images of one moment are told apart by their ids, so that the answer is always
/// the same.
fn age(image: &Image) -> (Option<&str>, Option<&str>) {
    (image.creation_date(), image.image_id())
}
