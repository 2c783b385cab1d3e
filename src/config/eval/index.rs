use mprov_sdk::{Object, Type, Unknown, Value, convert};

use super::explain::kind;
use super::suggest::did_you_mean;

/// Why a value has no such part.
pub struct Absent {
    pub code: u16,
    pub summary: String,
    pub advice: String,
}

impl Absent {
    /// Without what a secret value is made of.
    pub fn hidden(self) -> Self {
        Self::new(self.code, "there is no such part of this value", "")
    }

    fn new(code: u16, summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, summary: summary.into(), advice: advice.into() }
    }
}

/// `value.name`
pub fn attribute(value: &Value, name: &str) -> Result<Value, Absent> {
    let (plain, sensitive) = value.unmark();
    let found = match plain {
        Value::Map(o) | Value::Object(o) => o.lookup(name).cloned().ok_or_else(|| no_attribute(o, name)),
        Value::Unknown(u) => unknown_attribute(u, name),
        Value::Null => Err(Absent::new(
            1202,
            format!("this is null and has no attribute \"{name}\""),
            "Test for null first, or use try().",
        )),
        Value::List(_) | Value::Set(_) | Value::Tuple(_) => Err(not_an_object(plain, name)),
        other => Err(Absent::new(1203, format!("{} has no attributes", kind(other)), "")),
    };
    let found = if sensitive { found.map_err(Absent::hidden) } else { found };
    Ok(found?.with_sensitivity(sensitive))
}

fn no_attribute(object: &Object, name: &str) -> Absent {
    let names = object.keys().map(|k| &**k);
    let advice = match did_you_mean(name, names.clone()) {
        near if !near.is_empty() => near,
        _ if object.is_empty() => "The object has no attributes at all.".to_owned(),
        _ if object.len() <= 12 => format!("It has {}.", names.collect::<Vec<_>>().join(", ")),
        _ => String::new(),
    };
    Absent::new(1203, format!("there is no attribute or key \"{name}\""), advice)
}

fn not_an_object(value: &Value, name: &str) -> Absent {
    let has_objects = value.as_elements().is_some_and(|v| v.iter().any(|v| v.as_object().is_some()));
    let advice = match (value, has_objects) {
        (Value::Set(_), _) => format!("For the attribute of every element write [for e in … : e.{name}]."),
        (_, true) => format!("Say which element, as in [0].{name}, or take all with [*].{name}."),
        (_, false) => "Say which element, as in [0].".to_owned(),
    };
    Absent::new(1203, format!("{} has no attributes", kind(value)), advice)
}

fn unknown_attribute(unknown: &Unknown, name: &str) -> Result<Value, Absent> {
    let ty = match &unknown.ty {
        Type::Object(fields) => match fields.get(name) {
            Some(field) => field.ty.clone(),
            None => {
                let advice = did_you_mean(name, fields.keys().map(|k| &**k));
                return Err(Absent::new(1203, format!("there is no attribute \"{name}\""), advice));
            }
        },
        Type::Map(element) => (**element).clone(),
        Type::Any => Type::Any,
        other => return Err(Absent::new(1203, format!("a value of type {other} has no attributes"), "")),
    };
    Ok(unknown_of(ty, unknown))
}

/// Unknown of that type, for the same reason as another unknown.
pub fn unknown_of(ty: Type, because: &Unknown) -> Value {
    Value::Unknown(std::sync::Arc::new(Unknown { ty, origin: because.origin.clone() }))
}

/// `value[key]`
pub fn element(value: &Value, key: &Value) -> Result<Value, Absent> {
    let (value, value_marked) = value.unmark();
    let (key, key_marked) = key.unmark();
    if key.is_null() {
        return Err(Absent::new(1202, "the index is null", "An index is a number or a string."));
    }
    let found = match (value, key) {
        (Value::Null, _) => {
            Err(Absent::new(1202, "this is null and has no elements", "Test for null first, or use try()."))
        }
        (Value::Set(_), _) => Err(Absent::new(
            1204,
            "the elements of a set have no index",
            "Convert it with tolist() if the order does not matter.",
        )),
        (Value::List(v), Value::Unknown(u)) => Ok(unknown_of(common(v), u)),
        (Value::Map(o), Value::Unknown(u)) => {
            Ok(unknown_of(common(&o.values().cloned().collect::<Vec<_>>()), u))
        }
        (Value::Tuple(_) | Value::Object(_), Value::Unknown(u)) => Ok(unknown_of(Type::Any, u)),
        (Value::List(v) | Value::Tuple(v), key) => position(key, v.len()).map(|i| v[i].clone()),
        (Value::Map(o) | Value::Object(o), key) => entry(o, key),
        (Value::Unknown(u), key) => unknown_element(u, key),
        (other, _) => Err(Absent::new(1204, format!("{} has no elements", kind(other)), "")),
    };
    let secret = value_marked || key_marked;
    let found = if secret { found.map_err(Absent::hidden) } else { found };
    Ok(found?.with_sensitivity(secret))
}

fn common(values: &[Value]) -> Type {
    mprov_sdk::unify(values.iter().map(Value::ty)).unwrap_or(Type::Any)
}

fn position(key: &Value, len: usize) -> Result<usize, Absent> {
    let number = convert(key, &Type::Number).ok();
    let Some(number) = number.as_ref().and_then(Value::as_number) else {
        return Err(Absent::new(1204, format!("the index is {}", kind(key)), "A list takes whole numbers."));
    };
    let advice = match len {
        0 => "The list is empty.".to_owned(),
        1 => "The list has one element, [0].".to_owned(),
        n => format!("The list has {n} elements, [0] to [{}].", n - 1),
    };
    match number.as_usize() {
        Some(index) if index < len => Ok(index),
        None if !number.is_integer() => {
            Err(Absent::new(1204, "the index is not a whole number", "A list takes whole numbers."))
        }
        _ => Err(Absent::new(1204, "there is no such element", advice)),
    }
}

fn entry(object: &Object, key: &Value) -> Result<Value, Absent> {
    let name = convert(key, &Type::String).ok();
    let Some(name) = name.as_ref().and_then(Value::as_str) else {
        return Err(Absent::new(1204, format!("the key is {}", kind(key)), "A map takes strings."));
    };
    object.lookup(name).cloned().ok_or_else(|| no_attribute(object, name))
}

fn unknown_element(unknown: &Unknown, key: &Value) -> Result<Value, Absent> {
    let wrong = |ty: &Type| Err(Absent::new(1204, format!("a value of type {ty} has no such element"), ""));
    let ty = match (&unknown.ty, key) {
        (Type::Any, _) => Type::Any,
        (Type::List(element) | Type::Map(element), _) => (**element).clone(),
        (Type::Tuple(_) | Type::Object(_), Value::Unknown(_)) => Type::Any,
        (Type::Tuple(types), key) => match position(key, types.len()) {
            Ok(index) => types[index].clone(),
            Err(absent) => return Err(absent),
        },
        (Type::Object(fields), Value::String(name)) => match fields.get(name) {
            Some(field) => field.ty.clone(),
            None => return wrong(&unknown.ty),
        },
        (ty, _) => return wrong(ty),
    };
    Ok(unknown_of(ty, unknown))
}
