use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Name, Object, Type, Value, convert};

use super::collections::elements;
use super::conversion::unify_types;
use super::signature::{Failure, Function, STRINGS, Shape, Surroundings, any, of, string};
use super::text::text;
use crate::config::eval::explain::kind;
use crate::config::eval::suggest::did_you_mean;

pub const FUNCTIONS: &[Function] = &[
    Function::new("keys", &[any("inputMap").container()], Shape::Any, "the keys, sorted", keys),
    Function::new(
        "values",
        &[any("mapping").container()],
        Shape::Any,
        "the values, in the order of their keys",
        values,
    ),
    Function::new(
        "lookup",
        &[any("inputMap").container(), string("key")],
        Shape::Any,
        "the value of the key, or the default",
        lookup,
    )
    .rest(any("default").nullable().unknowable().marked()),
    Function::new("merge", &[], Shape::Any, "all entries of the maps, later ones before earlier ones", merge)
        .rest(any("maps").nullable().container()),
    Function::new(
        "transpose",
        &[of("values", Shape::Map(&STRINGS))],
        Shape::Map(&STRINGS),
        "the map from each string to the keys it was under",
        transpose,
    ),
    Function::new(
        "zipmap",
        &[of("keys", STRINGS), any("values").container()],
        Shape::Any,
        "a map of the keys to the values",
        zipmap,
    ),
];

fn entries(args: &[Value], at: usize) -> Result<&Object, Failure> {
    args[at]
        .as_object()
        .ok_or_else(|| Failure::of(at, format!("a map is needed, but this is {}", kind(&args[at]))))
}

fn keys(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let keys = entries(args, 0)?.keys().map(|k| Value::String(k.clone()));
    Ok(match &args[0] {
        Value::Map(_) => Value::list(keys),
        _ => Value::tuple(keys),
    })
}

fn values(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let values = entries(args, 0)?.values().cloned();
    Ok(match &args[0] {
        Value::Map(_) => Value::list(values),
        _ => Value::tuple(values),
    })
}

fn lookup(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let object = entries(args, 0)?;
    let key = text(&args[1]);
    if args.len() > 3 {
        return Err(Failure::of(3, "it takes a map, a key and a default"));
    }
    if let Some(found) = object.lookup(key) {
        return Ok(found.clone());
    }
    match args.get(2) {
        Some(default) => match &args[0] {
            // All values of a map have one type.
            Value::Map(o) if !o.is_empty() => {
                let element = unify_types(o.values().map(Value::ty)).unwrap_or(Type::Any);
                convert(default, &element).map_err(|e| Failure::of(2, e.to_string()))
            }
            _ => Ok(default.clone()),
        },
        None => Err(Failure::of(1, format!("the map has no key {key:?}"))
            .advice(did_you_mean(key, object.keys().map(|k| &**k)))),
    }
}

fn merge(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut merged = Object::new();
    for at in 0..args.len() {
        if args[at].is_null() {
            continue;
        }
        for (key, value) in entries(args, at)? {
            merged.set(key.clone(), value.clone());
        }
    }
    let maps_only = args.iter().all(|a| matches!(a, Value::Map(_) | Value::Null));
    let has_map = args.iter().any(|a| matches!(a, Value::Map(_)));
    let types_agree = || {
        let mut types = merged.values().map(Value::ty);
        let first = types.next();
        types.all(|t| Some(&t) == first.as_ref())
    };
    Ok(match maps_only && has_map && types_agree() {
        true => Value::Map(Arc::new(merged)),
        false => Value::from(merged),
    })
}

fn transpose(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut result: BTreeMap<Name, Vec<Value>> = BTreeMap::new();
    for (key, list) in entries(args, 0)? {
        for item in list.as_elements().unwrap_or(&[]) {
            let Value::String(name) = item else { return Err(Failure::of(0, "an element is null")) };
            let places = result.entry(name.clone()).or_default();
            if places.last().and_then(Value::as_str) != Some(&**key) {
                places.push(Value::String(key.clone()));
            }
        }
    }
    Ok(Value::map(result.into_iter().map(|(k, v)| (k, Value::list(v)))))
}

fn zipmap(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (keys, values) = (elements(args, 0)?, elements(args, 1)?);
    if keys.len() != values.len() {
        let counts = format!("there are {} keys for {} values", keys.len(), values.len());
        return Err(Failure::of(0, counts));
    }
    let mut object = Object::new();
    for (key, value) in keys.iter().zip(values) {
        match key {
            Value::String(name) => object.set(name.clone(), value.clone()),
            _ => return Err(Failure::of(0, "a key is null")),
        };
    }
    Ok(match &args[1] {
        Value::Tuple(_) => Value::from(object),
        _ => Value::Map(Arc::new(object)),
    })
}
