use std::collections::BTreeMap;
use std::fmt;

use crate::{Name, Value};

/// The type of a value, or the constraint on one (`any`, and objects with optional attributes,
/// occur in constraints only).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    Any,
    Bool,
    Number,
    String,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    Object(BTreeMap<Name, Field>),
}

/// One attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    pub ty: Type,
    pub optional: bool,
    /// What an absent optional attribute becomes; null where there is none.
    pub default: Option<Value>,
}

impl Field {
    pub fn required(ty: Type) -> Self {
        Self { ty, optional: false, default: None }
    }

    pub fn optional(ty: Type) -> Self {
        Self { ty, optional: true, default: None }
    }

    pub fn with_default(ty: Type, default: impl Into<Value>) -> Self {
        Self { ty, optional: true, default: Some(default.into()) }
    }
}

impl Type {
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    pub fn set(element: Type) -> Self {
        Self::Set(Box::new(element))
    }

    pub fn map(element: Type) -> Self {
        Self::Map(Box::new(element))
    }

    pub fn object<N: Into<Name>>(fields: impl IntoIterator<Item = (N, Field)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, field)| (name.into(), field)).collect())
    }

    pub fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::String)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(t) => write!(f, "list({t})"),
            Self::Set(t) => write!(f, "set({t})"),
            Self::Map(t) => write!(f, "map({t})"),
            Self::Tuple(types) => {
                f.write_str("tuple([")?;
                for (i, t) in types.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{t}")?;
                }
                f.write_str("])")
            }
            Self::Object(fields) => {
                f.write_str("object({")?;
                for (i, (name, field)) in fields.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    match field.optional {
                        true => write!(f, "{name}=optional({})", field.ty)?,
                        false => write!(f, "{name}={}", field.ty)?,
                    }
                }
                f.write_str("})")
            }
        }
    }
}
