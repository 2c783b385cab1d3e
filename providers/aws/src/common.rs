//! Attributes and steps that several kinds share.

use mprov_sdk::{Attribute, Object, Type, Value};

use crate::failure::Failure;

/// The name as a tag.
pub fn name() -> (&'static str, Attribute) {
    ("name", Attribute::optional(Type::String, "What the console shows as its name (the tag \"Name\")."))
}

pub fn tags() -> (&'static str, Attribute) {
    let description = "Tags of it, besides those of the provider.";
    ("tags", Attribute::optional(Type::map(Type::String), description))
}

pub fn id(description: &'static str) -> (&'static str, Attribute) {
    ("id", Attribute::computed(Type::String, description))
}

/// A text that only a new thing can have.
pub fn fixed(description: &'static str) -> Attribute {
    Attribute::required(Type::String, description).replaces()
}

/// Whether a change has to do something about the attribute. What the plan leaves open stays.
pub fn differs(prior: &Object, planned: &Object, name: &str) -> bool {
    let wanted = planned.get(name);
    !wanted.is_null() && !wanted.same(prior.get(name))
}

/// An id that every answer to a create holds.
pub fn told(id: Option<String>) -> Result<String, Failure> {
    id.ok_or_else(|| Failure::refused("NoId", "its answer does not name what it made"))
}

/// A number that EC2 takes.
pub fn int(object: &Object, name: &str) -> Result<Option<i32>, Failure> {
    let Some(number) = object.opt_i64(name)? else { return Ok(None) };
    let fits = i32::try_from(number);
    fits.map(Some).map_err(|_| Failure::refused("TooLarge", format!("{name} = {number} is out of range")))
}

/// The strings as a set.
pub fn set<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    Value::set(items.into_iter().map(Value::from))
}
