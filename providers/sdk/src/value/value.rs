use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{Field, Name, Number, Object, Type, Unknown};

/// A value of the language. Cheap to clone: everything that can be large is shared.
///
/// `Set` is sorted and without duplicates (make it with [`Value::set`]). `Sensitive` wraps the
/// value it marks, never another `Sensitive` (make it with [`Value::sensitive`]): code that
/// forgets the mark meets a variant it does not know and fails, it cannot leak.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    List(Arc<Vec<Value>>),
    Set(Arc<Vec<Value>>),
    Tuple(Arc<Vec<Value>>),
    Map(Arc<Object>),
    Object(Arc<Object>),
    Unknown(Arc<Unknown>),
    Sensitive(Arc<Value>),
}

impl Value {
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(Arc::new(items.into_iter().collect()))
    }

    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Tuple(Arc::new(items.into_iter().collect()))
    }

    pub fn set(items: impl IntoIterator<Item = Value>) -> Self {
        let mut items: Vec<Value> = items.into_iter().collect();
        items.sort();
        items.dedup();
        Self::Set(Arc::new(items))
    }

    pub fn map<N: Into<Name>>(entries: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Map(Arc::new(entries.into_iter().collect()))
    }

    pub fn object<N: Into<Name>>(entries: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Object(Arc::new(entries.into_iter().collect()))
    }

    pub fn unknown(ty: Type) -> Self {
        Self::Unknown(Arc::new(Unknown { ty, origin: None }))
    }

    pub fn unknown_from(ty: Type, origin: impl Into<Arc<str>>) -> Self {
        Self::Unknown(Arc::new(Unknown { ty, origin: Some(origin.into()) }))
    }

    /// The value with the mark; marking twice is marking once.
    pub fn sensitive(self) -> Self {
        match self {
            Self::Sensitive(_) => self,
            plain => Self::Sensitive(Arc::new(plain)),
        }
    }

    pub fn with_sensitivity(self, sensitive: bool) -> Self {
        if sensitive { self.sensitive() } else { self }
    }

    /// The value without its outermost mark, and whether there was one.
    pub fn unmark(&self) -> (&Value, bool) {
        match self {
            Self::Sensitive(inner) => (inner, true),
            plain => (plain, false),
        }
    }

    /// The value without any mark at any depth, and whether there was one.
    pub fn unmark_deep(&self) -> (Value, bool) {
        if !self.contains_sensitive() {
            return (self.clone(), false);
        }
        let items = |items: &[Value]| items.iter().map(|v| v.unmark_deep().0).collect::<Vec<_>>();
        let entries =
            |object: &Object| object.iter().map(|(k, v)| (k.clone(), v.unmark_deep().0)).collect::<Object>();
        let plain = match self {
            Self::Sensitive(inner) => inner.unmark_deep().0,
            Self::List(v) => Self::list(items(v)),
            Self::Set(v) => Self::set(items(v)),
            Self::Tuple(v) => Self::tuple(items(v)),
            Self::Map(o) => Self::Map(Arc::new(entries(o))),
            Self::Object(o) => Self::Object(Arc::new(entries(o))),
            other => other.clone(),
        };
        (plain, true)
    }

    pub fn contains_sensitive(&self) -> bool {
        self.any(&|v| matches!(v, Self::Sensitive(_)))
    }

    pub fn contains_unknown(&self) -> bool {
        self.any(&|v| matches!(v, Self::Unknown(_)))
    }

    pub fn is_wholly_known(&self) -> bool {
        !self.contains_unknown()
    }

    /// Whether the test holds for the value or for any value inside it.
    pub fn any(&self, test: &dyn Fn(&Value) -> bool) -> bool {
        if test(self) {
            return true;
        }
        match self {
            Self::List(v) | Self::Set(v) | Self::Tuple(v) => v.iter().any(|v| v.any(test)),
            Self::Map(o) | Self::Object(o) => o.values().any(|v| v.any(test)),
            Self::Sensitive(inner) => inner.any(test),
            _ => false,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.unmark().0, Self::Null)
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.unmark().0, Self::Unknown(_))
    }

    /// Equality without regard to marks and to where unknowns come from: what a plan compares.
    pub fn same(&self, other: &Value) -> bool {
        let (a, _) = self.unmark();
        let (b, _) = other.unmark();
        let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b));
        match (a, b) {
            (
                Self::List(a) | Self::Tuple(a) | Self::Set(a),
                Self::List(b) | Self::Tuple(b) | Self::Set(b),
            ) => Arc::ptr_eq(a, b) || all(a, b),
            (Self::Map(a) | Self::Object(a), Self::Map(b) | Self::Object(b)) => {
                Arc::ptr_eq(a, b)
                    || (a.len() == b.len()
                        && a.iter().zip(b.iter()).all(|((ka, va), (kb, vb))| ka == kb && va.same(vb)))
            }
            (Self::Unknown(a), Self::Unknown(b)) => a.ty == b.ty,
            (a, b) => a == b,
        }
    }

    /// The type of the value. Null and empty collections have elements of type `any`.
    pub fn ty(&self) -> Type {
        let element = |items: &mut dyn Iterator<Item = &Value>| {
            let mut types = items.filter(|v| !v.is_null()).map(Value::ty);
            let first = types.next().unwrap_or(Type::Any);
            if types.all(|ty| ty == first) { first } else { Type::Any }
        };
        match self {
            Self::Null => Type::Any,
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(v) => Type::list(element(&mut v.iter())),
            Self::Set(v) => Type::set(element(&mut v.iter())),
            Self::Tuple(v) => Type::Tuple(v.iter().map(Value::ty).collect()),
            Self::Map(o) => Type::map(element(&mut o.values())),
            Self::Object(o) => Type::Object(
                o.iter().map(|(k, v)| (k.clone(), Field::required(v.ty()))).collect::<BTreeMap<_, _>>(),
            ),
            Self::Unknown(u) => u.ty.clone(),
            Self::Sensitive(inner) => inner.ty(),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self.unmark().0 {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.unmark().0 {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Number> {
        match self.unmark().0 {
            Self::Number(n) => Some(n),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The elements of a list, set or tuple.
    pub fn as_elements(&self) -> Option<&[Value]> {
        match self.unmark().0 {
            Self::List(v) | Self::Set(v) | Self::Tuple(v) => Some(v),
            _ => None,
        }
    }

    /// The entries of a map or object.
    pub fn as_object(&self) -> Option<&Object> {
        match self.unmark().0 {
            Self::Map(o) | Self::Object(o) => Some(o),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    /// Shows everything but secrets, so that no message or panic can hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(b) => f.debug_tuple("Bool").field(b).finish(),
            Self::Number(n) => f.debug_tuple("Number").field(n).finish(),
            Self::String(s) => f.debug_tuple("String").field(s).finish(),
            Self::List(v) => f.debug_tuple("List").field(v).finish(),
            Self::Set(v) => f.debug_tuple("Set").field(v).finish(),
            Self::Tuple(v) => f.debug_tuple("Tuple").field(v).finish(),
            Self::Map(o) => f.debug_tuple("Map").field(o).finish(),
            Self::Object(o) => f.debug_tuple("Object").field(o).finish(),
            Self::Unknown(u) => f.debug_tuple("Unknown").field(u).finish(),
            Self::Sensitive(_) => f.write_str("Sensitive"),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(value.into())
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Self::Object(Arc::new(value))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_and_unique() {
        let set = Value::set(["b".into(), "a".into(), "b".into()]);
        assert_eq!(set.as_elements().expect("elements").len(), 2);
        assert_eq!(set, Value::set(["a".into(), "b".into()]));
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let value = Value::list([Value::from("hunter2").sensitive()]);
        assert_eq!(format!("{value:?}"), "List([Sensitive])");
    }

    #[test]
    fn same_sees_through_marks() {
        let plain = Value::object([("password", Value::from("x"))]);
        let marked = Value::object([("password", Value::from("x").sensitive())]);
        assert_ne!(plain, marked);
        assert!(plain.same(&marked));
        assert_eq!(marked.unmark_deep(), (plain, true));
    }
}
