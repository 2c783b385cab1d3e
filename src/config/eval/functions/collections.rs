use std::sync::Arc;

use mprov_sdk::{Number, Type, Unknown, Value, convert};

use super::conversion::unify_types;
use super::numbers::{failed, num, whole};
use super::signature::{Failure, Function, NUMBERS, Shape, Surroundings, any, number, of};
use super::text::characters;
use crate::config::eval::equality::{Equality, equal};
use crate::config::eval::explain::kind;

pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "length",
        &[any("value").container()],
        Shape::Number,
        "the number of elements, or of characters",
        length,
    ),
    Function::new(
        "contains",
        &[any("list").elements_unknowable(), any("value").unknowable()],
        Shape::Bool,
        "whether the list has the element",
        contains,
    ),
    Function::new("index", &[any("list"), any("value")], Shape::Number, "the place of the element", index),
    Function::new(
        "coalesce",
        &[any("vals").nullable().unknowable()],
        Shape::Any,
        "the first argument that is neither null nor empty",
        coalesce,
    )
    .rest(any("vals").nullable().unknowable()),
    Function::new(
        "coalescelist",
        &[any("vals").nullable().elements_unknowable()],
        Shape::Any,
        "the first list that is not empty",
        coalescelist,
    )
    .rest(any("vals").nullable().elements_unknowable()),
    Function::new(
        "one",
        &[any("list").container()],
        Shape::Any,
        "the only element of the list, or null where it is empty",
        one,
    ),
    Function::new("sum", &[of("list", NUMBERS)], Shape::Number, "the sum of the numbers", sum),
    Function::new(
        "alltrue",
        &[of("list", Shape::List(&Shape::Bool)).unknowable()],
        Shape::Bool,
        "whether all elements are true",
        |_, a| Ok(decide(&a[0], false)),
    ),
    Function::new(
        "anytrue",
        &[of("list", Shape::List(&Shape::Bool)).unknowable()],
        Shape::Bool,
        "whether an element is true",
        |_, a| Ok(decide(&a[0], true)),
    ),
    Function::new(
        "range",
        &[number("start_or_limit")],
        NUMBERS,
        "numbers from start to before limit, by steps",
        range,
    )
    .rest(number("limit_and_step")),
];

/// The elements of an argument that has to be a list, set or tuple.
pub fn elements(args: &[Value], at: usize) -> Result<&[Value], Failure> {
    args[at]
        .as_elements()
        .ok_or_else(|| Failure::of(at, format!("a list is needed, but this is {}", kind(&args[at]))))
}

fn length(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    match &args[0] {
        // Unknown elements may turn out to be equal to others.
        Value::Set(v) if v.len() > 1 && args[0].contains_unknown() => Ok(Value::unknown(Type::Number)),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => Ok(v.len().into()),
        Value::Map(o) | Value::Object(o) => Ok(o.len().into()),
        Value::String(s) => Ok(characters(s).into()),
        other => {
            Err(Failure::of(0, format!("a collection or string is needed, but this is {}", kind(other))))
        }
    }
}

fn contains(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut unknown = None;
    for element in elements(args, 0)? {
        match equal(element, &args[1]) {
            Equality::Yes => return Ok(Value::Bool(true)),
            Equality::Unknown(u) => unknown = Some(u),
            Equality::No => {}
        }
    }
    Ok(unknown.map_or(Value::Bool(false), |u| unknown_bool(&u)))
}

fn index(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    if matches!(args[0], Value::Set(_)) {
        return Err(Failure::of(0, "the elements of a set have no place"));
    }
    let place = elements(args, 0)?.iter().position(|e| *e == args[1]);
    place.map(Value::from).ok_or_else(|| Failure::of(1, "the list has no such element"))
}

fn coalesce(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let Some(ty) = unify_types(args.iter().map(Value::ty)) else {
        return Err(Failure::new("the arguments have types that do not fit together"));
    };
    for (at, value) in args.iter().enumerate() {
        match value {
            Value::Null => continue,
            Value::String(s) if s.is_empty() => continue,
            Value::Unknown(u) => {
                return Ok(Value::Unknown(Arc::new(Unknown { ty, origin: u.origin.clone() })));
            }
            value => return convert(value, &ty).map_err(|e| Failure::of(at, e.to_string())),
        }
    }
    Err(Failure::new("all arguments are null or empty strings"))
}

fn coalescelist(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    for at in 0..args.len() {
        if !args[at].is_null() && !elements(args, at)?.is_empty() {
            return Ok(args[at].clone());
        }
    }
    Err(Failure::new("all lists are null or empty"))
}

fn one(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    match elements(args, 0)? {
        [] => Ok(Value::Null),
        [only] => Ok(only.clone()),
        more => Err(Failure::of(0, format!("the list has {} elements, not one or none", more.len()))),
    }
}

fn sum(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let items = elements(args, 0)?;
    if items.is_empty() {
        return Err(Failure::of(0, "the list is empty"));
    }
    let mut total = Number::from(0);
    for item in items {
        let number = item.as_number().ok_or_else(|| Failure::of(0, "an element is null"))?;
        total = total.add(number).map_err(failed)?;
    }
    Ok(Value::Number(total))
}

/// Whether an element is `decisive`, as `||` over all of them for true and `&&` for false.
fn decide(list: &Value, decisive: bool) -> Value {
    let items = match list {
        Value::Unknown(u) => return unknown_bool(u),
        list => list.as_elements().unwrap_or(&[]),
    };
    let mut unknown = None;
    for item in items {
        match item {
            Value::Unknown(u) => unknown = Some(u),
            item if item.as_bool().unwrap_or(false) == decisive => return decisive.into(),
            _ => {}
        }
    }
    unknown.map_or(Value::Bool(!decisive), |u| unknown_bool(u))
}

fn unknown_bool(unknown: &Unknown) -> Value {
    Value::Unknown(Arc::new(Unknown { ty: Type::Bool, origin: unknown.origin.clone() }))
}

/// Elements that a range may have.
const RANGE: usize = crate::config::eval::limits::ELEMENTS;

fn range(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let zero = Number::from(0);
    let (start, limit, step) = match args {
        [limit] => (zero.clone(), num(limit).clone(), None),
        [start, limit] => (num(start).clone(), num(limit).clone(), None),
        [start, limit, step] => (num(start).clone(), num(limit).clone(), Some(num(step).clone())),
        _ => return Err(Failure::new("it takes a limit, or start, limit and step")),
    };
    let up = start <= limit;
    let step = step.unwrap_or_else(|| if up { 1.into() } else { (-1).into() });
    if step.is_zero() || (start < limit && step < zero) || (start > limit && step > zero) {
        return Err(Failure::of(2, "the step does not lead from start to limit"));
    }
    let count = limit.sub(&start).and_then(|d| d.div(&step)).map_err(failed)?;
    if count > Number::from(RANGE) {
        return Err(Failure::too_large(format!("the range has more than {RANGE} numbers")));
    }
    let mut items = Vec::new();
    let mut next = start;
    while if up { next < limit } else { next > limit } {
        items.push(Value::Number(next.clone()));
        next = next.add(&step).map_err(failed)?;
    }
    Ok(Value::list(items))
}

/// A whole number that counts something.
pub fn count(args: &[Value], at: usize) -> Result<usize, Failure> {
    usize::try_from(whole(args, at)?).map_err(|_| Failure::of(at, "the number is negative"))
}
