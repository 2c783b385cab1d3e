use std::cell::Cell;

use mprov_sdk::Value;

/// Elements that one expression may make, and that one value may hold.
pub const ELEMENTS: usize = 1_000_000;
/// Bytes of text that one expression may make.
pub const BYTES: usize = 64 * 1024 * 1024;
/// Levels of collections in collections.
const DEPTH: usize = 512;

/// What the evaluation of one expression may still make. Without it a few nested `for` expressions
/// would exhaust the memory.
#[derive(Debug)]
pub struct Budget {
    elements: Cell<usize>,
    bytes: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { elements: Cell::new(ELEMENTS), bytes: Cell::new(BYTES) }
    }
}

impl Budget {
    /// Takes that many elements; the error is the summary of a diagnostic.
    pub fn elements(&self, count: usize) -> Result<(), String> {
        match self.elements.get().checked_sub(count) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(too_many()),
        }
    }

    /// Takes that many bytes of text; the error is the summary of a diagnostic.
    pub fn bytes(&self, count: usize) -> Result<(), String> {
        match self.bytes.get().checked_sub(count) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => Err(format!("the expression makes more than {} MiB of text", BYTES >> 20)),
        }
    }

    /// Takes what a freshly made value holds at its first level.
    pub fn value(&self, value: &Value) -> Result<(), String> {
        match value.unmark().0 {
            Value::String(s) => self.bytes(s.len()),
            Value::List(v) | Value::Set(v) | Value::Tuple(v) => self.elements(v.len()),
            Value::Map(o) | Value::Object(o) => self.elements(o.len()),
            _ => Ok(()),
        }
    }
}

fn too_many() -> String {
    format!("the value has more than {ELEMENTS} elements")
}

/// Refuses values that are too large or too deep as a whole: small values shared many times make
/// large ones without any single large step.
pub fn check_whole(value: &Value) -> Result<(), String> {
    let mut left = ELEMENTS;
    walk(value, DEPTH, &mut left)
}

fn walk(value: &Value, depth: usize, left: &mut usize) -> Result<(), String> {
    let depth =
        depth.checked_sub(1).ok_or_else(|| format!("the value is nested deeper than {DEPTH} levels"))?;
    let each = |v: &Value| {
        *left = left.checked_sub(1).ok_or_else(too_many)?;
        walk(v, depth, left)
    };
    match value {
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().try_for_each(each),
        Value::Map(o) | Value::Object(o) => o.values().try_for_each(each),
        Value::Sensitive(inner) => walk(inner, depth, left),
        _ => Ok(()),
    }
}
