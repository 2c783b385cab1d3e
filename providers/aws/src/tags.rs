use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use mprov_sdk::{Object, Value};

use crate::ask::Ask;
use crate::failure::Failure;

/// Address of the instance that made the thing, for people.
pub const ADDRESS: &str = "mprov:address";
/// Token of the step that made the thing: how a create in doubt is found again.
pub const TOKEN: &str = "mprov:token";
/// Tags with this prefix are mprov's own.
pub const RESERVED: &str = "mprov:";
/// Tags with this prefix are AWS's own.
const AWS: &str = "aws:";
/// What the console shows as the name.
pub const NAME: &str = "Name";
/// EC2 takes no longer values (Amazon EC2 User Guide, "Tag restrictions").
const LONGEST: usize = 256;

/// All tags that a thing of that call has.
fn all(ask: &Ask<'_>, planned: &Object) -> Result<BTreeMap<String, String>, Failure> {
    let mut tags = wanted(ask, planned)?;
    tags.insert(ADDRESS.to_owned(), shortened(&ask.call.address));
    tags.insert(TOKEN.to_owned(), ask.call.token.to_string());
    Ok(tags)
}

/// The tags that the configuration gives: those of the provider, its own, and the name.
fn wanted(ask: &Ask<'_>, planned: &Object) -> Result<BTreeMap<String, String>, Failure> {
    let mut tags = ask.ec2.default_tags.clone();
    tags.extend(given(planned)?);
    Ok(tags)
}

/// Those of the thing itself.
fn given(planned: &Object) -> Result<BTreeMap<String, String>, Failure> {
    let mut tags = planned.string_map("tags")?;
    if let Some(name) = planned.opt_str("name")? {
        tags.insert(NAME.to_owned(), name.to_owned());
    }
    Ok(tags)
}

/// Addresses may hold any text between the brackets; tags may not.
fn shortened(address: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@[]\"".contains(c);
    address.chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST).collect()
}

/// For the call that makes a thing.
pub fn specification(
    ask: &Ask<'_>,
    kind: ResourceType,
    planned: &Object,
) -> Result<TagSpecification, Failure> {
    let tags = all(ask, planned)?.into_iter().map(|(key, value)| tag(key, value)).collect();
    Ok(TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build())
}

/// For what comes with a thing and goes with it: not marked as made by the step.
pub fn companion(ask: &Ask<'_>, kind: ResourceType, planned: &Object) -> Result<TagSpecification, Failure> {
    let mut tags = all(ask, planned)?;
    tags.remove(TOKEN);
    let tags = tags.into_iter().map(|(key, value)| tag(key, value)).collect();
    Ok(TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build())
}

fn tag(key: String, value: String) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// Makes the tags of a thing those of the plan.
pub async fn change(ask: &Ask<'_>, id: &str, prior: &Object, planned: &Object) -> Result<(), Failure> {
    if given(prior)? == given(planned)? {
        return Ok(());
    }
    let (had, wants) = (given(prior)?, wanted(ask, planned)?);
    let set: Vec<Tag> = wants
        .iter()
        .filter(|(key, value)| had.get(*key) != Some(value))
        .map(|(k, v)| tag(k.clone(), v.clone()))
        .collect();
    let gone: Vec<Tag> =
        had.keys().filter(|key| !wants.contains_key(*key)).map(|k| Tag::builder().key(k).build()).collect();
    if !set.is_empty() {
        let request = ask.client().create_tags().resources(id).set_tags(Some(set));
        ask.safely(|| request.clone().send()).await?;
    }
    if !gone.is_empty() {
        let request = ask.client().delete_tags().resources(id).set_tags(Some(gone));
        ask.safely(|| request.clone().send()).await?;
    }
    Ok(())
}

/// Sets `tags` to those that are not mprov's, AWS's or the provider's own; the name, where there is
/// one.
pub fn observe(
    object: &mut Object,
    tags: &[Tag],
    known: &Object,
    defaults: &BTreeMap<String, String>,
) -> Option<String> {
    let asked = known.get("tags").as_object();
    let mut named = None;
    let mut own = BTreeMap::new();
    for (key, value) in tags.iter().filter_map(|t| Some((t.key()?, t.value().unwrap_or_default()))) {
        let asked_for = asked.is_some_and(|tags| tags.contains(key));
        if key == NAME && !asked_for {
            named = Some(value.to_owned());
        } else if key.starts_with(RESERVED) || key.starts_with(AWS) {
        } else if asked_for || defaults.get(key).is_none_or(|default| default != value) {
            own.insert(key.to_owned(), Value::from(value));
        }
    }
    let tags = match own.is_empty() {
        true if asked.is_none() => Value::Null,
        _ => Value::map(own),
    };
    object.set("tags", tags);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(known: &Object, defaults: &[(&str, &str)]) -> (Object, Option<String>) {
        let tags: Vec<Tag> =
            [("Name", "web"), ("a", "1"), ("mprov:token", "t"), ("aws:x", "y"), ("team", "it")]
                .map(|(k, v)| tag(k.to_owned(), v.to_owned()))
                .into();
        let defaults = defaults.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut object = known.clone();
        let name = observe(&mut object, &tags, known, &defaults);
        (object, name)
    }

    #[test]
    fn tags_of_mprov_of_aws_and_of_the_provider_are_not_shown() {
        let (seen, name) = observed(&Object::new(), &[("team", "it")]);
        assert_eq!(name.as_deref(), Some("web"));
        assert_eq!(seen["tags"], Value::map([("a", Value::from("1"))]));
    }

    #[test]
    fn a_default_tag_that_was_changed_or_asked_for_is_shown() {
        let nothing = Object::new();
        let shown = |known: &Object, default| {
            observed(known, &[("team", default)]).0["tags"].as_object().expect("tags").contains("team")
        };
        assert!(shown(&nothing, "other"));
        assert!(shown(&nothing.clone().with("tags", Value::map([("team", Value::from("it"))])), "it"));
        assert!(!shown(&nothing, "it"));
    }

    #[test]
    fn an_address_becomes_a_value_that_ec2_takes() {
        assert_eq!(shortened("module.m[\"g2\"].aws_vpc.a"), "module.m[\"g2\"].aws_vpc.a");
        assert_eq!(shortened("aws_vpc.a[\"x{y}\"]"), "aws_vpc.a[\"x_y_\"]");
        assert_eq!(shortened(&"x".repeat(300)).len(), LONGEST);
    }
}
