use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::{Attribute, Call, DataSource, Fault, Object, Schema, Type, Value};
use sha2::{Digest, Sha256};

use crate::connection::Connection;
use crate::fault::cannot;
use crate::path::absolute;

/// `host_file`, the data source: the content of a file.
pub struct HostFileData(pub Arc<dyn Connection>);

pub fn schema() -> Schema {
    Schema::new(
        "host_file",
        "The content of a file on the machine.",
        [
            ("path", Attribute::required(Type::String, "Absolute, or relative to the root module.")),
            ("sensitive", Attribute::optional(Type::Bool, "The content is a secret.").default(false)),
            ("content", Attribute::computed(Type::String, "The text; null where it is not UTF-8.")),
            ("content_base64", Attribute::computed(Type::String, "The bytes in base64.")),
            ("content_hash", Attribute::computed(Type::String, "SHA-256 in hexadecimal.")),
            ("absolute_path", Attribute::computed(Type::String, "The path on the machine.")),
        ],
    )
}

#[async_trait]
impl DataSource for HostFileData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let path = absolute(&call.base_dir, config.str("path")?)?;
        let Some(bytes) = self.0.read(&path).await.map_err(cannot("read", &path))? else {
            return Err(Fault::new(format!("there is no file {path}")));
        };
        let secret = config.opt_bool("sensitive")? == Some(true);
        let mark = |value: Value| value.with_sensitivity(secret);
        Ok(config
            .clone()
            .with("content_base64", mark(STANDARD.encode(&bytes).into()))
            .with("content_hash", mark(hex::encode(Sha256::digest(&bytes)).into()))
            .with("content", mark(String::from_utf8(bytes).ok().into()))
            .with("absolute_path", path))
    }
}
