use std::collections::HashSet;
use std::sync::Arc;

use mprov_sdk::{Type, Unknown, Value, convert};

use super::collections::{count, elements};
use super::conversion::unify_types;
use super::numbers::whole;
use super::signature::{Failure, Function, STRINGS, Shape, Surroundings, any, number, of};
use crate::config::eval::limits::ELEMENTS;

const LISTS: Shape = Shape::List(&Shape::Any);

pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "chunklist",
        &[of("list", LISTS).container(), number("size")],
        LISTS,
        "the list in pieces of that size",
        chunklist,
    ),
    Function::new(
        "compact",
        &[of("list", STRINGS)],
        STRINGS,
        "the list without null and empty strings",
        compact,
    ),
    Function::new("concat", &[any("seqs").container()], Shape::Any, "the lists one behind the other", concat)
        .rest(any("seqs").container()),
    Function::new("distinct", &[of("list", LISTS)], LISTS, "the list with each element only once", distinct),
    Function::new(
        "element",
        &[any("list").container(), number("index")],
        Shape::Any,
        "the element at the index, counted around in a circle",
        element,
    ),
    Function::new(
        "flatten",
        &[any("list").container()],
        Shape::Any,
        "the elements of all lists in the list, in a row",
        flatten,
    ),
    Function::new(
        "matchkeys",
        &[of("values", LISTS), of("keys", LISTS), of("searchset", LISTS)],
        Shape::Any,
        "the values whose keys are in the search set",
        matchkeys,
    ),
    Function::new("reverse", &[any("list").container()], Shape::Any, "the list from its end", reverse),
    Function::new(
        "slice",
        &[any("list").container(), number("start_index"), number("end_index")],
        Shape::Any,
        "the elements from start to before end",
        slice,
    ),
    Function::new(
        "sort",
        &[of("list", STRINGS)],
        STRINGS,
        "the strings in the order of their characters",
        sort,
    ),
];

/// A tuple where the given one was a tuple, otherwise a list.
fn like(given: &Value, items: Vec<Value>) -> Value {
    match given {
        Value::Tuple(_) => Value::tuple(items),
        _ => Value::list(items),
    }
}

fn chunklist(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let items = elements(args, 0)?;
    let size = count(args, 1)?;
    if items.is_empty() {
        return Ok(Value::list([]));
    }
    let size = if size == 0 { items.len() } else { size };
    Ok(Value::list(items.chunks(size).map(|chunk| like(&args[0], chunk.to_vec()))))
}

fn compact(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let items = elements(args, 0)?.iter();
    Ok(Value::list(items.filter(|v| v.as_str().is_some_and(|s| !s.is_empty())).cloned()))
}

fn concat(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut items = Vec::new();
    for at in 0..args.len() {
        if matches!(args[at], Value::Set(_)) {
            return Err(
                Failure::of(at, "a list is needed, but this is a set").advice("Use setunion() for sets.")
            );
        }
        items.extend_from_slice(elements(args, at)?);
        if items.len() > ELEMENTS {
            return Err(Failure::too_large(format!("the result has more than {ELEMENTS} elements")));
        }
    }
    let element = match args.iter().all(|a| matches!(a, Value::List(_))) {
        true => unify_types(items.iter().map(Value::ty)),
        false => None,
    };
    match element {
        Some(element) => {
            convert(&Value::list(items), &Type::list(element)).map_err(|e| Failure::new(e.to_string()))
        }
        None => Ok(Value::tuple(items)),
    }
}

fn distinct(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut seen = HashSet::new();
    let unique = elements(args, 0)?.iter().filter(|v| seen.insert(*v)).cloned().collect::<Vec<_>>();
    let element = unify_types(unique.iter().map(Value::ty)).unwrap_or(Type::Any);
    convert(&Value::list(unique), &Type::list(element)).map_err(|e| Failure::of(0, e.to_string()))
}

fn element(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    if matches!(args[0], Value::Set(_)) {
        return Err(Failure::of(0, "the elements of a set have no index").advice("Convert it with tolist()."));
    }
    let items = elements(args, 0)?;
    let index = whole(args, 1)?;
    if items.is_empty() {
        return Err(Failure::of(0, "the list is empty"));
    }
    Ok(items[index.rem_euclid(items.len() as i64) as usize].clone())
}

fn flatten(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    elements(args, 0)?;
    let mut items = Vec::new();
    let mut state = Flattened { sensitive: false, unknown: None };
    flatten_into(&args[0], &mut items, &mut state)?;
    let result = match state.unknown {
        // How many elements an unknown list has is unknown too.
        Some(u) => Value::Unknown(Arc::new(Unknown { ty: Type::Any, origin: u.origin.clone() })),
        None => Value::tuple(items),
    };
    Ok(result.with_sensitivity(state.sensitive))
}

struct Flattened {
    sensitive: bool,
    unknown: Option<Arc<Unknown>>,
}

fn flatten_into(value: &Value, items: &mut Vec<Value>, state: &mut Flattened) -> Result<(), Failure> {
    for item in value.as_elements().unwrap_or(&[]) {
        let (plain, marked) = item.unmark();
        match plain {
            Value::List(_) | Value::Set(_) | Value::Tuple(_) => {
                state.sensitive |= marked;
                flatten_into(plain, items, state)?;
            }
            Value::Unknown(u) if !u.ty.is_primitive() && !matches!(u.ty, Type::Map(_) | Type::Object(_)) => {
                state.unknown = Some(u.clone());
            }
            _ => items.push(item.clone()),
        }
        if items.len() > ELEMENTS {
            return Err(Failure::too_large(format!("the result has more than {ELEMENTS} elements")));
        }
    }
    Ok(())
}

fn matchkeys(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (values, keys, wanted) = (elements(args, 0)?, elements(args, 1)?, elements(args, 2)?);
    if values.len() != keys.len() {
        return Err(Failure::of(1, "there have to be as many keys as values"));
    }
    let strings = |v: &Value| convert(v, &Type::String).unwrap_or_else(|_| v.clone());
    let wanted: HashSet<Value> = wanted.iter().map(strings).collect();
    let chosen = values.iter().zip(keys).filter(|(_, key)| wanted.contains(&strings(key)));
    Ok(Value::list(chosen.map(|(value, _)| value.clone())))
}

fn reverse(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(like(&args[0], elements(args, 0)?.iter().rev().cloned().collect()))
}

fn slice(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    if matches!(args[0], Value::Set(_)) {
        return Err(Failure::of(0, "the elements of a set have no order").advice("Convert it with tolist()."));
    }
    let items = elements(args, 0)?;
    let (start, end) = (count(args, 1)?, count(args, 2)?);
    if end > items.len() {
        return Err(Failure::of(2, format!("the list has only {} elements", items.len())));
    }
    if start > end {
        return Err(Failure::of(1, "the start is behind the end"));
    }
    Ok(like(&args[0], items[start..end].to_vec()))
}

fn sort(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut items = elements(args, 0)?.to_vec();
    if items.iter().any(Value::is_null) {
        return Err(Failure::of(0, "an element is null"));
    }
    items.sort();
    Ok(Value::list(items))
}
