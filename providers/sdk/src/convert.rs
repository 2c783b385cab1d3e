use std::sync::Arc;

use thiserror::Error;

use crate::{Number, Object, Type, Value};

/// A value that does not fit a type, with the place inside the value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ConvertError {
    /// `.attribute` and `[index]` steps from the value to the culprit; empty for the value itself.
    pub path: String,
    pub message: String,
}

impl ConvertError {
    fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    fn inside(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }
}

/// The value as one of that type, by Terraform's conversions: primitives to and from strings,
/// tuples to lists and sets, objects to maps, null to anything. Marks are kept.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, ConvertError> {
    let mismatch = || ConvertError::new(format!("{} required, but this is {}", a(ty), describe(value)));
    match (value, ty) {
        (_, Type::Any) => Ok(value.clone()),
        (Value::Sensitive(inner), _) => Ok(convert(inner, ty)?.sensitive()),
        (Value::Null, _) => Ok(Value::Null),
        (Value::Unknown(u), _) => match may_convert(&u.ty, ty) {
            true => {
                let ty = if *ty == Type::Any { u.ty.clone() } else { ty.clone() };
                Ok(Value::Unknown(Arc::new(crate::Unknown { ty, origin: u.origin.clone() })))
            }
            false => Err(mismatch()),
        },
        (Value::Bool(_), Type::Bool)
        | (Value::Number(_), Type::Number)
        | (Value::String(_), Type::String) => Ok(value.clone()),
        (Value::Bool(b), Type::String) => Ok(Value::from(if *b { "true" } else { "false" })),
        (Value::Number(n), Type::String) => Ok(Value::from(n.to_string())),
        (Value::String(s), Type::Bool) => match &**s {
            "true" | "1" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err(mismatch()),
        },
        (Value::String(s), Type::Number) => match s.parse::<Number>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Err(mismatch()),
        },
        (Value::List(v) | Value::Set(v) | Value::Tuple(v), Type::List(t)) => {
            if matches!(value, Value::List(_)) && **t == Type::Any {
                return Ok(value.clone());
            }
            Ok(Value::List(Arc::new(elements(v, t)?)))
        }
        (Value::List(v) | Value::Set(v) | Value::Tuple(v), Type::Set(t)) => Ok(Value::set(elements(v, t)?)),
        (Value::List(v) | Value::Tuple(v), Type::Tuple(types)) if v.len() == types.len() => {
            let items = v.iter().zip(types).enumerate();
            let items: Result<Vec<_>, _> =
                items.map(|(i, (v, t))| convert(v, t).map_err(|e| e.inside(&format!("[{i}]")))).collect();
            Ok(Value::Tuple(Arc::new(items?)))
        }
        (Value::Map(o) | Value::Object(o), Type::Map(t)) => {
            let t = match **t {
                Type::Any => unify(o.values().map(Value::ty)).unwrap_or(Type::Any),
                _ => (**t).clone(),
            };
            let entries: Result<Object, _> = o
                .iter()
                .map(|(k, v)| Ok((k.clone(), convert(v, &t).map_err(|e| e.inside(&format!("[{k:?}]")))?)))
                .collect();
            Ok(Value::Map(Arc::new(entries?)))
        }
        (Value::Map(o) | Value::Object(o), Type::Object(fields)) => {
            let mut result = Object::new();
            for (name, field) in fields {
                let given = o.get(name);
                let converted = match (given, field.optional) {
                    (Value::Null, true) => field.default.clone().unwrap_or(Value::Null),
                    (Value::Null, false) if !o.contains(name) => {
                        return Err(ConvertError::new(format!("attribute \"{name}\" is required")));
                    }
                    (given, _) => convert(given, &field.ty).map_err(|e| e.inside(&format!(".{name}")))?,
                };
                result.set(name.clone(), converted);
            }
            Ok(Value::from(result))
        }
        _ => Err(mismatch()),
    }
}

fn elements(values: &[Value], ty: &Type) -> Result<Vec<Value>, ConvertError> {
    let ty = match ty {
        Type::Any => unify(values.iter().map(Value::ty)).unwrap_or(Type::Any),
        ty => ty.clone(),
    };
    let converted = values.iter().enumerate();
    converted.map(|(i, v)| convert(v, &ty).map_err(|e| e.inside(&format!("[{i}]")))).collect()
}

/// Whether some value of the first type can become one of the second.
fn may_convert(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Any, _) | (_, Type::Any) => true,
        (a, b) if a.is_primitive() && b.is_primitive() => {
            !matches!((a, b), (Type::Bool, Type::Number) | (Type::Number, Type::Bool))
        }
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            may_convert(a, b)
        }
        (Type::Tuple(items), Type::List(b) | Type::Set(b)) => items.iter().all(|a| may_convert(a, b)),
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| may_convert(a, b))
        }
        (Type::List(a) | Type::Set(a), Type::Tuple(b)) => b.iter().all(|b| may_convert(a, b)),
        (Type::Object(fields), Type::Map(b)) => fields.values().all(|f| may_convert(&f.ty, b)),
        (Type::Map(a), Type::Object(fields)) => fields.values().all(|f| may_convert(a, &f.ty)),
        (Type::Object(a), Type::Object(b)) => b.iter().all(|(name, field)| match a.get(name) {
            Some(given) => may_convert(&given.ty, &field.ty),
            None => field.optional,
        }),
        _ => false,
    }
}

/// The one type that all of them can become without loss: the type itself where they agree,
/// string for different primitives, element by element for collections. None where there is none.
pub fn unify(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    let mut types = types.into_iter();
    let first = types.next()?;
    types.try_fold(first, unify_two)
}

fn unify_two(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (a, b) if a == b => Some(a),
        (Type::Any, t) | (t, Type::Any) => Some(t),
        (a, b) if a.is_primitive() && b.is_primitive() => {
            let mixes_bool_and_number =
                matches!((&a, &b), (Type::Bool, Type::Number) | (Type::Number, Type::Bool));
            (!mixes_bool_and_number).then_some(Type::String)
        }
        (Type::List(a), Type::List(b)) => unify_two(*a, *b).map(Type::list),
        (Type::Set(a), Type::Set(b)) => unify_two(*a, *b).map(Type::set),
        (Type::Map(a), Type::Map(b)) => unify_two(*a, *b).map(Type::map),
        (Type::List(t), Type::Tuple(items)) | (Type::Tuple(items), Type::List(t)) => {
            unify([*t].into_iter().chain(items)).map(Type::list)
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            a.into_iter().zip(b).map(|(a, b)| unify_two(a, b)).collect::<Option<Vec<_>>>().map(Type::Tuple)
        }
        (Type::Tuple(a), Type::Tuple(b)) => unify(a.into_iter().chain(b)).map(Type::list),
        (Type::Map(t), Type::Object(fields)) | (Type::Object(fields), Type::Map(t)) => {
            unify([*t].into_iter().chain(fields.into_values().map(|f| f.ty))).map(Type::map)
        }
        (Type::Object(a), Type::Object(b)) if a.keys().eq(b.keys()) => {
            let fields = a.into_iter().zip(b).map(|((name, a), (_, b))| {
                let ty = unify_two(a.ty, b.ty)?;
                Some((name, crate::Field { ty, optional: a.optional || b.optional, default: None }))
            });
            fields.collect::<Option<_>>().map(Type::Object)
        }
        (Type::Object(a), Type::Object(b)) => {
            unify(a.into_values().chain(b.into_values()).map(|f| f.ty)).map(Type::map)
        }
        _ => None,
    }
}

fn a(ty: &Type) -> String {
    match ty {
        Type::Any => "a value".into(),
        Type::Bool => "a bool".into(),
        Type::Number => "a number".into(),
        Type::String => "a string".into(),
        Type::List(t) => format!("a list of {}", plural(t)),
        Type::Set(t) => format!("a set of {}", plural(t)),
        Type::Map(t) => format!("a map of {}", plural(t)),
        Type::Tuple(items) => format!("a tuple of {} elements", items.len()),
        Type::Object(_) => "an object".into(),
    }
}

fn plural(ty: &Type) -> String {
    match ty {
        Type::Any => "values".into(),
        Type::Bool | Type::Number | Type::String => format!("{ty}s"),
        Type::Object(_) => "objects".into(),
        other => format!("{other}"),
    }
}

/// The kind of a value, never its content.
fn describe(value: &Value) -> String {
    match value.unmark().0 {
        Value::Null => "null".into(),
        Value::List(_) => "a list".into(),
        Value::Set(_) => "a set".into(),
        Value::Map(_) => "a map".into(),
        Value::Tuple(v) => format!("a tuple of {} elements", v.len()),
        Value::Object(_) => "an object".into(),
        other => a(&other.ty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    #[test]
    fn primitives_convert_through_strings() {
        assert_eq!(convert(&"5".into(), &Type::Number).expect("number"), 5.into());
        assert_eq!(convert(&5.into(), &Type::String).expect("string"), "5".into());
        assert_eq!(convert(&"true".into(), &Type::Bool).expect("bool"), true.into());
        assert!(convert(&true.into(), &Type::Number).is_err());
        assert!(convert(&"x".into(), &Type::Number).is_err());
    }

    #[test]
    fn errors_name_the_place_and_never_the_value() {
        let value = Value::tuple([Value::object([("port", Value::from("hunter2"))])]);
        let ty = Type::list(Type::object([("port", Field::required(Type::Number))]));
        let error = convert(&value, &ty).expect_err("not a number");
        assert_eq!(error.to_string(), "[0].port: a number required, but this is a string");
    }

    #[test]
    fn optional_attributes_get_their_default() {
        let ty = Type::object([("mode", Field::with_default(Type::String, "0644"))]);
        let value = convert(&Value::object::<&str>([]), &ty).expect("object");
        assert_eq!(value.as_object().expect("object")["mode"], "0644".into());
    }

    #[test]
    fn mixed_elements_unify() {
        let list = convert(&Value::tuple([1.into(), "a".into()]), &Type::list(Type::Any)).expect("list");
        assert_eq!(list, Value::list(["1".into(), "a".into()]));
    }

    #[test]
    fn marks_survive() {
        let secret = Value::from("5").sensitive();
        assert_eq!(convert(&secret, &Type::Number).expect("number"), Value::from(5).sensitive());
    }
}
