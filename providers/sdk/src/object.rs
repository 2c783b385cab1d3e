use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Index;
use std::sync::Arc;

use thiserror::Error;

use crate::Value;

/// An attribute's name.
pub type Name = Arc<str>;

/// Values by name, in the order of the names: an object or map value, or all attributes of one
/// resource instance. A name that is absent reads as null.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object(BTreeMap<Name, Value>);

/// A provider found in its input what the schema should have ruled out, or what is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("attribute \"{name}\" is not {expected}")]
pub struct AttributeError {
    pub name: String,
    pub expected: &'static str,
}

static NULL: Value = Value::Null;

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of that name; null where there is none.
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&NULL)
    }

    /// The value of that name, telling absent from null.
    pub fn lookup(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<Value>) -> &mut Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// For building an object in one expression.
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> btree_map::Iter<'_, Name, Value> {
        self.0.iter()
    }

    pub fn keys(&self) -> btree_map::Keys<'_, Name, Value> {
        self.0.keys()
    }

    pub fn values(&self) -> btree_map::Values<'_, Name, Value> {
        self.0.values()
    }

    pub fn is_wholly_known(&self) -> bool {
        self.values().all(Value::is_wholly_known)
    }

    /// A string that must be there.
    pub fn str(&self, name: &str) -> Result<&str, AttributeError> {
        self.expect(name, "a known string", Value::as_str)
    }

    /// A string, or none where it is null.
    pub fn opt_str(&self, name: &str) -> Result<Option<&str>, AttributeError> {
        self.optional(name, "a known string", Value::as_str)
    }

    pub fn bool(&self, name: &str) -> Result<bool, AttributeError> {
        self.expect(name, "a known bool", Value::as_bool)
    }

    pub fn opt_bool(&self, name: &str) -> Result<Option<bool>, AttributeError> {
        self.optional(name, "a known bool", Value::as_bool)
    }

    pub fn i64(&self, name: &str) -> Result<i64, AttributeError> {
        self.expect(name, "a known whole number", Value::as_i64)
    }

    pub fn opt_i64(&self, name: &str) -> Result<Option<i64>, AttributeError> {
        self.optional(name, "a known whole number", Value::as_i64)
    }

    /// The elements of a list, set or tuple; empty where it is null.
    pub fn elements(&self, name: &str) -> Result<&[Value], AttributeError> {
        Ok(self.optional(name, "a known list", Value::as_elements)?.unwrap_or(&[]))
    }

    /// The strings of a list or set; empty where it is null.
    pub fn strings(&self, name: &str) -> Result<Vec<String>, AttributeError> {
        self.elements(name)?
            .iter()
            .map(|v| v.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| AttributeError { name: name.to_owned(), expected: "a list of known strings" })
    }

    /// The objects of a list, as nested blocks give them; empty where it is null.
    pub fn blocks(&self, name: &str) -> Result<Vec<&Object>, AttributeError> {
        self.elements(name)?
            .iter()
            .map(Value::as_object)
            .collect::<Option<_>>()
            .ok_or_else(|| AttributeError { name: name.to_owned(), expected: "a list of known objects" })
    }

    /// A nested object, or none where it is null.
    pub fn object(&self, name: &str) -> Result<Option<&Object>, AttributeError> {
        self.optional(name, "a known object", Value::as_object)
    }

    /// A map of strings; empty where it is null.
    pub fn string_map(&self, name: &str) -> Result<BTreeMap<String, String>, AttributeError> {
        let Some(entries) = self.object(name)? else { return Ok(BTreeMap::new()) };
        entries
            .iter()
            .map(|(k, v)| v.as_str().map(|v| (k.to_string(), v.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| AttributeError { name: name.to_owned(), expected: "a map of known strings" })
    }

    fn expect<'a, T>(
        &'a self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, AttributeError> {
        read(self.get(name)).ok_or_else(|| AttributeError { name: name.to_owned(), expected })
    }

    fn optional<'a, T>(
        &'a self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AttributeError> {
        match self.get(name).is_null() {
            true => Ok(None),
            false => self.expect(name, expected, read).map(Some),
        }
    }
}

impl Index<&str> for Object {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name)
    }
}

impl<N: Into<Name>> FromIterator<(N, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl IntoIterator for Object {
    type Item = (Name, Value);
    type IntoIter = btree_map::IntoIter<Name, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Name, &'a Value);
    type IntoIter = btree_map::Iter<'a, Name, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
