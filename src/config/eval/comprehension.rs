use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ForExpr};
use mprov_sdk::{Diagnostics, Name, Object, Type, Unknown, Value};

use super::evaluator::Evaluator;
use super::explain::kind;
use super::index::unknown_of;
use super::locals::{Frame, Locals};

/// What can be gone through, element by element.
pub enum Items {
    Known { pairs: Vec<(Value, Value)>, sensitive: bool },
    Unknown { unknown: Arc<Unknown>, sensitive: bool },
}

impl Evaluator<'_> {
    /// `[for …]` and `{for …}`.
    pub(super) fn comprehension(
        &self,
        node: &Expression,
        expr: &ForExpr,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let collection = self.eval(&expr.intro.collection_expr, locals)?;
        let (pairs, secret) = match self.items(&collection, &expr.intro.collection_expr, locals)? {
            Items::Known { pairs, sensitive } => (pairs, sensitive),
            Items::Unknown { unknown, sensitive } => {
                return Ok(unknown_of(Type::Any, &unknown).with_sensitivity(sensitive));
            }
        };
        let mut sensitive = secret;
        self.spend(pairs.len(), node.span())?;
        let key_name = expr.intro.key_var.as_ref().map(|n| n.value().as_str());
        let value_name = expr.intro.value_var.value().as_str();
        let mut made = match expr.key_expr {
            Some(_) => Made::Entries(BTreeMap::new()),
            None => Made::Elements(Vec::with_capacity(pairs.len())),
        };
        let mut unknown: Option<Arc<Unknown>> = None;
        for (key, value) in pairs {
            let entries = bind(key_name, value_name, key, value);
            let inner = Frame { entries: &entries, secret, outer: locals };
            let inner = Locals::of(&inner);
            if let Some(cond) = &expr.cond {
                let (keep, marked) = self.condition(&self.eval(&cond.expr, inner)?, &cond.expr, inner)?;
                sensitive |= marked;
                match keep {
                    Value::Bool(true) => {}
                    Value::Unknown(u) => unknown = Some(u),
                    _ => continue,
                }
            }
            let value = self.eval(&expr.value_expr, inner)?;
            match (&mut made, &expr.key_expr) {
                (Made::Elements(elements), _) => elements.push(value),
                (Made::Entries(entries), Some(key_expr)) => {
                    let key = self.eval(key_expr, inner)?;
                    let Some((name, marked)) = self.key_of(&key, key_expr, inner, "the key of an entry")?
                    else {
                        unknown = unknown.or_else(|| unknown_part(&key));
                        continue;
                    };
                    sensitive |= marked;
                    match entries.entry(name) {
                        Entry::Vacant(slot) => {
                            slot.insert(vec![value]);
                        }
                        Entry::Occupied(mut slot) if expr.grouping => slot.get_mut().push(value),
                        Entry::Occupied(slot) => {
                            return Err(self.duplicate(
                                slot.key(),
                                sensitive || inner.secret(),
                                key_expr.span(),
                            ));
                        }
                    }
                }
                (Made::Entries(_), None) => unreachable!("entries have keys"),
            }
        }
        let result = match (unknown, made) {
            (Some(u), _) => unknown_of(Type::Any, &u),
            (None, Made::Elements(elements)) => Value::tuple(elements),
            (None, Made::Entries(entries)) => Value::from(finish(entries, expr.grouping)),
        };
        Ok(result.with_sensitivity(sensitive))
    }

    /// The elements of a collection as pairs of key and value, for `for`.
    pub(super) fn items(
        &self,
        collection: &Value,
        node: &Expression,
        locals: Locals<'_>,
    ) -> Result<Items, Diagnostics> {
        let (plain, sensitive) = collection.unmark();
        let pairs = match plain {
            Value::List(v) | Value::Tuple(v) => {
                v.iter().enumerate().map(|(i, v)| (Value::from(i), v.clone())).collect()
            }
            Value::Set(v) => v.iter().map(|v| (v.clone(), v.clone())).collect(),
            Value::Map(o) | Value::Object(o) => {
                o.iter().map(|(k, v)| (Value::String(k.clone()), v.clone())).collect()
            }
            Value::Unknown(u) if u.ty.is_primitive() => {
                let summary = format!("a {} cannot be gone through with for", u.ty);
                return Err(self.fail(1211, node, locals, summary, "It takes a list, set or map."));
            }
            Value::Unknown(u) => return Ok(Items::Unknown { unknown: u.clone(), sensitive }),
            Value::Null => {
                let advice = "Give an empty list, or use coalesce() or [*] where null is possible.";
                return Err(self.fail(1202, node, locals, "null cannot be gone through with for", advice));
            }
            other => {
                let summary = format!("{} cannot be gone through with for", kind(other));
                return Err(self.fail(1211, node, locals, summary, "It takes a list, set or map."));
            }
        };
        Ok(Items::Known { pairs, sensitive })
    }

    fn duplicate(&self, key: &Name, sensitive: bool, part: Option<Range<usize>>) -> Diagnostics {
        let summary = match sensitive {
            true => "two elements give the same key".to_owned(),
            false => format!("two elements give the same key {key:?}"),
        };
        let advice = "Make the keys different, or collect the values of a key with ... behind the value.";
        self.diagnostic(1209, part, summary, advice).into()
    }
}

enum Made {
    Elements(Vec<Value>),
    Entries(BTreeMap<Name, Vec<Value>>),
}

fn finish(entries: BTreeMap<Name, Vec<Value>>, grouping: bool) -> Object {
    let finished = entries.into_iter().map(|(name, mut values)| match grouping {
        true => (name, Value::tuple(values)),
        false => (name, values.pop().unwrap_or(Value::Null)),
    });
    finished.collect()
}

/// The names that one round of a `for` binds.
pub fn bind<'n>(
    key_name: Option<&'n str>,
    value_name: &'n str,
    key: Value,
    value: Value,
) -> Vec<(&'n str, Value)> {
    let mut entries = Vec::with_capacity(2);
    entries.push((value_name, value));
    if let Some(name) = key_name {
        entries.push((name, key));
    }
    entries
}

fn unknown_part(value: &Value) -> Option<Arc<Unknown>> {
    match value.unmark().0 {
        Value::Unknown(u) => Some(u.clone()),
        _ => None,
    }
}
