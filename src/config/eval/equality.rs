use std::sync::Arc;

use mprov_sdk::{Object, Type, Unknown, Value};

use super::index::unknown_of;

/// `==` and `!=`: values of different types are different; unknown where an unknown part decides.
pub fn compare(a: &Value, b: &Value, negate: bool) -> Value {
    let (plain_a, a_marked) = a.unmark_deep();
    let (plain_b, b_marked) = b.unmark_deep();
    let result = match equal(&plain_a, &plain_b) {
        Equality::Yes => Value::Bool(!negate),
        Equality::No => Value::Bool(negate),
        Equality::Unknown(u) => unknown_of(Type::Bool, &u),
    };
    result.with_sensitivity(a_marked || b_marked)
}

pub enum Equality {
    Yes,
    No,
    Unknown(Arc<Unknown>),
}

/// Equality of values without marks.
pub fn equal(a: &Value, b: &Value) -> Equality {
    match (a, b) {
        (Value::Unknown(a), Value::Unknown(b)) if !may_be_equal(&a.ty, &b.ty) => Equality::No,
        (Value::Unknown(u), other) | (other, Value::Unknown(u)) => match other {
            Value::Unknown(_) | Value::Null => Equality::Unknown(u.clone()),
            other if may_be_equal(&u.ty, &other.ty()) => Equality::Unknown(u.clone()),
            _ => Equality::No,
        },
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => equal_items(a, b),
        (Value::Set(a), Value::Set(b)) => {
            let unknown = a.iter().chain(b.iter()).find_map(first_unknown);
            match unknown {
                Some(u) => Equality::Unknown(u),
                None => equal_items(a, b),
            }
        }
        (Value::Map(a), Value::Map(b)) | (Value::Object(a), Value::Object(b)) => equal_entries(a, b),
        (a, b) if a == b => Equality::Yes,
        _ => Equality::No,
    }
}

fn equal_items(a: &[Value], b: &[Value]) -> Equality {
    if a.len() != b.len() {
        return Equality::No;
    }
    all(a.iter().zip(b))
}

fn equal_entries(a: &Object, b: &Object) -> Equality {
    if a.len() != b.len() || !a.keys().eq(b.keys()) {
        return Equality::No;
    }
    all(a.values().zip(b.values()))
}

fn all<'v>(pairs: impl Iterator<Item = (&'v Value, &'v Value)>) -> Equality {
    let mut result = Equality::Yes;
    for (a, b) in pairs {
        match equal(a, b) {
            Equality::No => return Equality::No,
            Equality::Yes => {}
            unknown => result = unknown,
        }
    }
    result
}

fn first_unknown(value: &Value) -> Option<Arc<Unknown>> {
    match value {
        Value::Unknown(u) => Some(u.clone()),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().find_map(first_unknown),
        Value::Map(o) | Value::Object(o) => o.values().find_map(first_unknown),
        Value::Sensitive(inner) => first_unknown(inner),
        _ => None,
    }
}

fn may_be_equal(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            may_be_equal(a, b)
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| may_be_equal(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| may_be_equal(&a.ty, &b.ty))
        }
        (a, b) => a == b,
    }
}
