use std::collections::{BTreeMap, HashMap};

use bollard::models::ImageInspect;
use mprov_sdk::{Call, Value};

/// Address of the instance that made the object.
pub const ADDRESS: &str = "mprov.address";
/// Token of the step that made the object: how a create in doubt is found again.
pub const TOKEN: &str = "mprov.token";
/// On images: the hash of what it was made from.
pub const CONTENT: &str = "mprov.content";
/// On images: the tag it was made for. Images inherit the labels of their base, so the hash alone
/// would make everything that others build on an image of mprov look like mprov's.
pub const IMAGE: &str = "mprov.image";
/// On volumes of secrets: the name of the container that they are for.
pub const SECRETS: &str = "mprov.secrets";
/// Labels with this prefix are mprov's own.
pub const RESERVED: &str = "mprov.";

/// The labels of the configuration and mprov's own, for an object that this call makes.
pub fn stamped(labels: BTreeMap<String, String>, call: &Call) -> HashMap<String, String> {
    labels
        .into_iter()
        .chain([(ADDRESS.into(), call.address.to_string()), (TOKEN.into(), call.token.to_string())])
        .collect()
}

/// The labels of an image that is made under a tag. Equal inputs get equal labels, so that they do
/// not spoil Docker's cache.
pub fn of_image(tag: &str, hash: &str) -> [(String, String); 2] {
    [(IMAGE.to_owned(), tag.to_owned()), (CONTENT.to_owned(), hash.to_owned())]
}

/// The hash of what an image was made from, if it was made by mprov for that tag.
pub fn content_of(image: &ImageInspect, tag: &str) -> Option<String> {
    let labels = image.config.as_ref()?.labels.as_ref()?;
    (labels.get(IMAGE).map(String::as_str) == Some(tag)).then(|| labels.get(CONTENT).cloned())?
}

/// A filter of list calls for what this call's step has made.
pub fn token_filter(call: &Call) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".into(), vec![format!("{TOKEN}={}", call.token)])])
}

pub fn is_made_by(labels: Option<&HashMap<String, String>>, call: &Call) -> bool {
    labels.and_then(|l| l.get(TOKEN)).is_some_and(|token| **token == *call.token)
}

/// Whose object it is, in a few words.
pub fn owner(labels: Option<&HashMap<String, String>>) -> String {
    match labels.and_then(|l| l.get(ADDRESS)) {
        Some(address) => format!("made by mprov as {address}"),
        None => "not made by mprov".into(),
    }
}

/// The labels that are not mprov's own, as an attribute; null where there are none.
pub fn foreign(labels: Option<&HashMap<String, String>>) -> Value {
    let labels: BTreeMap<&String, &String> =
        labels.into_iter().flatten().filter(|(name, _)| !name.starts_with(RESERVED)).collect();
    match labels.is_empty() {
        true => Value::Null,
        false => Value::map(labels.into_iter().map(|(k, v)| (k.as_str(), Value::from(v.as_str())))),
    }
}
