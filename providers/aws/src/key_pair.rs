use async_trait::async_trait;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType, Tag};
use mprov_sdk::{Attribute, Object, Schema, Type, Value};

use crate::ask::Ask;
use crate::common;
use crate::failure::Failure;
use crate::kind::{Kind, Sought, Standing};
use crate::tags;

pub struct KeyPairKind;

#[async_trait]
impl Kind for KeyPairKind {
    type Seen = KeyPairInfo;
    const NOUN: &'static str = "key pair";
    const NAMED_BY_TAG: bool = false;

    fn schema() -> Schema {
        let fingerprint = "EC2's fingerprint of the key: MD5 for RSA, SHA-256 for ED25519 keys.";
        Schema::new(
            "aws_key_pair",
            "A public SSH key that new instances let in.",
            [
                ("name", common::fixed("Its name, unique in the region.")),
                ("public_key", common::fixed("The key, in OpenSSH's format.")),
                ("fingerprint", Attribute::computed(Type::String, fingerprint)),
                common::tags(),
                common::id("Of the key pair, key-…"),
            ],
        )
    }

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<KeyPairInfo>, Failure> {
        let request = ask.client().describe_key_pairs().include_public_key(true);
        let request = match sought {
            Sought::Id(id) => request.key_pair_ids(id),
            Sought::Made(_) => request.filters(ask.token_filter()),
        };
        let found = ask.found(|| request.clone().send()).await?;
        let mut found = found.and_then(|f| f.key_pairs).unwrap_or_default();
        if let Sought::Id(id) = sought {
            found.retain(|key| key.key_pair_id() == Some(id));
        }
        Ok(found)
    }

    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure> {
        let request = ask
            .client()
            .import_key_pair()
            .key_name(planned.str("name")?)
            .public_key_material(Blob::new(planned.str("public_key")?))
            .tag_specifications(tags::specification(ask, ResourceType::KeyPair, planned)?);
        let made = ask.once(|| request.clone().send()).await?;
        common::told(made.key_pair_id)
    }

    fn id(seen: &KeyPairInfo) -> String {
        seen.key_pair_id().unwrap_or_default().to_owned()
    }

    fn standing(_seen: &KeyPairInfo) -> Standing {
        Standing::Ready
    }

    fn tags(seen: &KeyPairInfo) -> Option<&[Tag]> {
        Some(seen.tags())
    }

    async fn attributes(
        &self,
        _ask: &Ask<'_>,
        seen: &KeyPairInfo,
        known: Option<&Object>,
    ) -> Result<Object, Failure> {
        let asked = known.map_or(Value::Null, |known| known.get("public_key").clone());
        // EC2 keeps type and key, and not always the comment behind them.
        let key = match (seen.public_key(), asked.as_str()) {
            (Some(key), Some(asked)) if body(key) != body(asked) => Value::from(key.trim()),
            (Some(key), None) => Value::from(key.trim()),
            _ => asked.clone(),
        };
        Ok(Object::new()
            .with("id", seen.key_pair_id())
            .with("name", seen.key_name())
            .with("fingerprint", seen.key_fingerprint())
            .with("public_key", key))
    }

    async fn change(&self, _ask: &Ask<'_>, _prior: &Object, _planned: &Object) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, ask: &Ask<'_>, seen: &KeyPairInfo, _prior: &Object) -> Result<(), Failure> {
        let request = ask.client().delete_key_pair().key_name(seen.key_name().unwrap_or_default());
        ask.plainly(|| request.clone().send()).await.map(drop)
    }

    async fn imported_id(&self, ask: &Ask<'_>, id: &str) -> Result<String, Failure> {
        if id.starts_with("key-") {
            return Ok(id.to_owned());
        }
        let request = ask.client().describe_key_pairs().key_names(id);
        let found = ask.plainly(|| request.clone().send()).await?;
        common::told(found.key_pairs.unwrap_or_default().into_iter().find_map(|k| k.key_pair_id))
    }
}

/// Type and key, without the comment.
fn body(key: &str) -> Option<(&str, &str)> {
    let mut words = key.split_whitespace();
    Some((words.next()?, words.next()?))
}
