use std::sync::Arc;

use mprov_sdk::{Type, Unknown, Value, convert, unify};

use super::signature::{Failure, Function, Param, Shape, Special, Surroundings, any};
use crate::config::eval::explain::kind;

const ANY: &[Param] = &[any("value").nullable().unknowable().marked()];

pub const FUNCTIONS: &[Function] = &[
    Function::special(
        "try",
        &[any("expression")],
        Some(any("expressions")),
        Shape::Any,
        "the first argument that can be evaluated",
        Special::Try,
    ),
    Function::special(
        "can",
        &[any("expression")],
        None,
        Shape::Bool,
        "whether the argument can be evaluated",
        Special::Can,
    ),
    Function::new("tostring", ANY, Shape::String, "the value as a string", |_, a| to(&a[0], &Type::String)),
    Function::new("tonumber", ANY, Shape::Number, "the value as a number", |_, a| to(&a[0], &Type::Number)),
    Function::new("tobool", ANY, Shape::Bool, "the value as a bool", |_, a| to(&a[0], &Type::Bool)),
    Function::new("tolist", ANY, Shape::List(&Shape::Any), "the value as a list", |_, a| {
        to_collection(&a[0], Type::list)
    }),
    Function::new("toset", ANY, Shape::Set(&Shape::Any), "the value as a set", |_, a| {
        to_collection(&a[0], Type::set)
    }),
    Function::new("tomap", ANY, Shape::Map(&Shape::Any), "the value as a map", |_, a| {
        to_collection(&a[0], Type::map)
    }),
    Function::new("sensitive", ANY, Shape::Any, "the value, marked as sensitive", sensitive),
    Function::new("nonsensitive", ANY, Shape::Any, "the value without its sensitive mark", nonsensitive),
    Function::new("issensitive", ANY, Shape::Bool, "whether the value is marked as sensitive", issensitive),
];

/// The one type for all of them, or none. Like [`unify`], but whatever the order: any mix of
/// primitives with a string is strings.
pub fn unify_types(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    let types: Vec<Type> = types.into_iter().filter(|t| *t != Type::Any).collect();
    if types.is_empty() {
        return Some(Type::Any);
    }
    if types.iter().all(Type::is_primitive) && types.contains(&Type::String) {
        return Some(Type::String);
    }
    unify(types)
}

fn to(value: &Value, ty: &Type) -> Result<Value, Failure> {
    convert(value, ty).map_err(|e| Failure::of(0, e.to_string()))
}

fn to_collection(value: &Value, make: fn(Type) -> Type) -> Result<Value, Failure> {
    let (plain, sensitive) = value.unmark();
    let elements: Vec<Type> = match plain {
        Value::Null => return Ok(value.clone()),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().map(Value::ty).collect(),
        Value::Map(o) | Value::Object(o) => o.values().map(Value::ty).collect(),
        Value::Unknown(u) => return unknown_collection(u, make).map(|v| v.with_sensitivity(sensitive)),
        other => {
            let wanted = make(Type::Any);
            return Err(Failure::of(0, format!("{} cannot become a {wanted}", kind(other))));
        }
    };
    let Some(element) = unify_types(elements) else {
        return Err(Failure::of(0, "the elements have types that do not fit together"));
    };
    let converted = convert(plain, &make(element)).map_err(|e| Failure::of(0, e.to_string()))?;
    Ok(lift_marks(converted).with_sensitivity(sensitive))
}

/// A set with a sensitive element is sensitive as a whole: which elements are equal says something
/// about each.
pub fn lift_marks(value: Value) -> Value {
    match &value {
        Value::Set(items) if items.iter().any(Value::contains_sensitive) => {
            Value::set(items.iter().map(|v| v.unmark_deep().0)).sensitive()
        }
        _ => value,
    }
}

fn unknown_collection(unknown: &Unknown, make: fn(Type) -> Type) -> Result<Value, Failure> {
    let element = match &unknown.ty {
        Type::Any => Type::Any,
        Type::List(t) | Type::Set(t) | Type::Map(t) => (**t).clone(),
        Type::Tuple(types) => unify_types(types.iter().cloned()).unwrap_or(Type::Any),
        Type::Object(fields) => unify_types(fields.values().map(|f| f.ty.clone())).unwrap_or(Type::Any),
        other => {
            let wanted = make(Type::Any);
            return Err(Failure::of(0, format!("a {other} cannot become a {wanted}")));
        }
    };
    let converted = convert(&Value::Unknown(Arc::new(unknown.clone())), &make(element));
    converted.map_err(|e| Failure::of(0, e.to_string()))
}

fn sensitive(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(args[0].unmark_deep().0.sensitive())
}

/// Only the value's own mark: what inside is marked stays so.
fn nonsensitive(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(args[0].unmark().0.clone())
}

fn issensitive(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    match &args[0] {
        Value::Sensitive(_) => Ok(true.into()),
        // It may come with a mark when it is known.
        Value::Unknown(u) => {
            Ok(Value::Unknown(Arc::new(Unknown { ty: Type::Bool, origin: u.origin.clone() })))
        }
        _ => Ok(false.into()),
    }
}
