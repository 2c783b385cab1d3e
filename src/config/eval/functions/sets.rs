use std::collections::HashSet;

use mprov_sdk::{Type, Value, convert};

use super::collections::elements;
use super::conversion::unify_types;
use super::signature::{Failure, Function, Param, Shape, Surroundings, any};
use crate::config::eval::limits::ELEMENTS;

const SETS: Shape = Shape::Set(&Shape::Any);
const FIRST: &[Param] = &[any("first_set")];
const TWO: &[Param] = &[any("a"), any("b")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("setintersection", FIRST, SETS, "the elements that all sets have", intersection)
        .rest(any("other_sets")),
    Function::new(
        "setsubtract",
        TWO,
        SETS,
        "the elements of the first set that the second has not",
        subtract,
    ),
    Function::new("setunion", FIRST, SETS, "the elements of all sets", union).rest(any("other_sets")),
    Function::new("setproduct", TWO, Shape::Any, "all combinations of one element of each set", product)
        .rest(any("other_sets")),
];

/// The arguments as sets whose elements have one type.
fn sets(args: &[Value]) -> Result<Vec<Vec<Value>>, Failure> {
    let mut types = Vec::new();
    for at in 0..args.len() {
        types.extend(elements(args, at)?.iter().map(Value::ty));
    }
    let Some(ty) = unify_types(types) else {
        return Err(Failure::new("the sets have elements of types that do not fit together"));
    };
    let mut sets = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let set = convert(arg, &Type::set(ty.clone())).map_err(|e| Failure::of(at, e.to_string()))?;
        sets.push(set.as_elements().unwrap_or(&[]).to_vec());
    }
    Ok(sets)
}

fn intersection(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut sets = sets(args)?.into_iter();
    let mut common = sets.next().unwrap_or_default();
    for other in sets {
        let other: HashSet<Value> = other.into_iter().collect();
        common.retain(|v| other.contains(v));
    }
    Ok(Value::set(common))
}

fn subtract(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut sets = sets(args)?.into_iter();
    let mut left = sets.next().unwrap_or_default();
    for other in sets {
        let other: HashSet<Value> = other.into_iter().collect();
        left.retain(|v| !other.contains(v));
    }
    Ok(Value::set(left))
}

fn union(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::set(sets(args)?.into_iter().flatten()))
}

fn product(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut total = 1usize;
    let mut sets = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let items = elements(args, at)?;
        total = total.saturating_mul(items.len());
        let Some(ty) = unify_types(items.iter().map(Value::ty)) else {
            return Err(Failure::of(at, "the elements have types that do not fit together"));
        };
        sets.push(convert(arg, &Type::list(ty)).map_err(|e| Failure::of(at, e.to_string()))?);
    }
    if total.saturating_mul(args.len()) > ELEMENTS {
        return Err(Failure::too_large(format!("there are more than {ELEMENTS} combinations")));
    }
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for set in &sets {
        let items = set.as_elements().unwrap_or(&[]);
        let longer = combinations.iter().flat_map(|start| {
            items.iter().map(move |item| {
                let mut next = start.clone();
                next.push(item.clone());
                next
            })
        });
        combinations = longer.collect();
    }
    let all_sets = args.iter().all(|a| matches!(a, Value::Set(_)));
    let tuples = combinations.into_iter().map(Value::tuple);
    Ok(if all_sets { Value::set(tuples) } else { Value::list(tuples) })
}
