use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey};
use mprov_sdk::{ConvertError, Diagnostic, Diagnostics, Name, Object, Schema, Type, Unknown, Value, convert};

use super::check::{check, missing};
use super::dynamic::{Dynamic, generated_name, is_dynamic, parse};
use super::slot::{Slot, Slots};
use crate::config::eval::Scope;
use crate::config::eval::evaluator::evaluate_with;
use crate::config::eval::explain::kind;
use crate::config::eval::limits::ELEMENTS;
use crate::config::eval::locals::{Frame, Locals};
use crate::config::{Argument, Body, Expr, NestedBlock};

/// The desired attributes that a body describes: every settable attribute of the schema, converted
/// to its type, with defaults filled in, null where nothing is said, and marked where the schema
/// says that it is sensitive. An attribute is unknown as a whole where a `dynamic` block does not
/// know how many blocks it makes.
pub fn evaluate_body(body: &Body, schema: &Schema, scope: &dyn Scope) -> Result<Object, Diagnostics> {
    let mut errors = Diagnostics::new();
    let slots = Slots::Schema(schema);
    check(body, slots, &mut errors);
    let fill = Fill { scope };
    let mut object = fill.body(body, slots, Locals::default(), &mut errors);
    if errors.has_errors() {
        return Err(errors.sorted());
    }
    for (name, attribute) in &schema.attributes {
        if attribute.sensitive && attribute.is_settable() && !object[name].is_null() {
            let marked = object[name].clone().sensitive();
            object.set(name.clone(), marked);
        }
    }
    Ok(object)
}

/// A value that does not fit its type, at the innermost place in the text that can be told. The
/// keys on the way to it are left out where they may be secret.
pub fn mismatch(name: &str, expr: &Expr, error: &ConvertError, secret: bool) -> Diagnostic {
    if secret {
        let summary = format!("\"{name}\" does not fit: {}", error.message);
        return Diagnostic::error(1306, summary).at(expr.span());
    }
    let (node, rest) = culprit(expr.node(), &error.path);
    let detail = match rest.is_empty() {
        true => String::new(),
        false => format!("The place inside of this value is {rest}."),
    };
    Diagnostic::error(1306, format!("\"{name}{}\" does not fit: {}", error.path, error.message))
        .at(expr.place(node.span()))
        .detail(detail)
}

/// Follows a path such as `[0].port` into literals; what is left of it names a place that the text
/// does not show.
fn culprit<'e, 'p>(mut node: &'e Expression, mut path: &'p str) -> (&'e Expression, &'p str) {
    loop {
        node = match node {
            Expression::Parenthesis(inner) => inner.inner(),
            node => node,
        };
        let (step, rest) = next_step(path);
        let found = match node {
            Expression::Array(items) => step
                .strip_prefix('[')
                .and_then(|s| s.trim_end_matches(']').parse().ok())
                .and_then(|i: usize| items.get(i)),
            Expression::Object(object) => {
                let wanted = match step.strip_prefix('.') {
                    Some(name) => name,
                    None => step.trim_start_matches("[\"").trim_end_matches("\"]"),
                };
                object.iter().find(|(key, _)| literal_key(key) == Some(wanted)).map(|(_, v)| v.expr())
            }
            _ => None,
        };
        match found {
            Some(inner) => (node, path) = (inner, rest),
            None => return (node, path),
        }
    }
}

fn literal_key(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.value().as_str()),
        ObjectKey::Expression(Expression::String(text)) => Some(text.value()),
        ObjectKey::Expression(_) => None,
    }
}

fn next_step(path: &str) -> (&str, &str) {
    let end = match path.starts_with('[') {
        true => path.find(']').map_or(path.len(), |at| at + 1),
        false => path.get(1..).and_then(|p| p.find(['.', '['])).map_or(path.len(), |at| at + 1),
    };
    path.split_at(end)
}

/// The blocks of one name so far.
#[derive(Default)]
struct Group {
    items: Vec<Value>,
    /// Why it is not known how many there are.
    unknown: Option<Arc<Unknown>>,
    sensitive: bool,
}

struct Fill<'a> {
    scope: &'a dyn Scope,
}

impl Fill<'_> {
    fn body(&self, body: &Body, slots: Slots<'_>, locals: Locals<'_>, errors: &mut Diagnostics) -> Object {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for block in &body.blocks {
            self.block(block, slots, locals, &mut groups, errors);
        }
        let mut result = Object::new();
        for (name, slot) in slots.iter().filter(|(_, slot)| slot.settable) {
            let given = match (body.arguments.get(name), groups.remove(&**name)) {
                (Some(argument), _) if slot.takes_argument() => {
                    self.argument(name, argument, &slot, body, locals, errors)
                }
                (_, Some(group)) => finish(group, &slot),
                _ => Value::Null,
            };
            let value = match (given.is_null(), slot.default) {
                (true, Some(default)) => default.clone(),
                _ => given,
            };
            result.set(name.clone(), value);
        }
        result
    }

    fn argument(
        &self,
        name: &Name,
        argument: &Argument,
        slot: &Slot<'_>,
        body: &Body,
        locals: Locals<'_>,
        errors: &mut Diagnostics,
    ) -> Value {
        let value = match evaluate_with(&argument.expr, self.scope, locals) {
            Ok(value) => value,
            Err(e) => {
                errors.extend(e);
                return Value::Null;
            }
        };
        if value.is_null() && slot.required {
            let null = missing(name, slot, body).at(argument.expr.span()).here("this is null");
            errors.push(null);
            return Value::Null;
        }
        match convert(&value, slot.ty) {
            Ok(converted) => converted,
            Err(e) => {
                let secret = locals.secret() || value.contains_sensitive();
                errors.push(mismatch(name, &argument.expr, &e, secret));
                Value::Null
            }
        }
    }

    fn block<'b>(
        &self,
        block: &'b NestedBlock,
        slots: Slots<'_>,
        locals: Locals<'_>,
        groups: &mut BTreeMap<&'b str, Group>,
        errors: &mut Diagnostics,
    ) {
        let name = generated_name(block);
        // Blocks that do not belong here were reported by the check.
        let Some(slot) = slots.get(name).filter(|s| s.settable && s.takes_blocks()) else { return };
        let Some(inner) = slot.inner() else { return };
        let group = groups.entry(name).or_default();
        if !is_dynamic(block) {
            let object = self.body(&block.body, inner, locals, errors);
            group.items.push(Value::from(object));
            return;
        }
        if let Ok(dynamic) = parse(block) {
            self.dynamic(&dynamic, inner, locals, group, errors);
        }
    }

    fn dynamic(
        &self,
        dynamic: &Dynamic<'_>,
        inner: Slots<'_>,
        locals: Locals<'_>,
        group: &mut Group,
        errors: &mut Diagnostics,
    ) {
        let collection = match evaluate_with(dynamic.for_each, self.scope, locals) {
            Ok(collection) => collection,
            Err(e) => return errors.extend(e),
        };
        let (plain, sensitive) = collection.unmark();
        group.sensitive |= sensitive;
        let pairs: Vec<(Value, Value)> = match plain {
            Value::Unknown(u) => {
                group.unknown = Some(u.clone());
                return;
            }
            Value::List(v) | Value::Tuple(v) => {
                v.iter().enumerate().map(|(i, v)| (Value::from(i), v.clone())).collect()
            }
            Value::Set(v) => v.iter().map(|v| (v.clone(), v.clone())).collect(),
            Value::Map(o) | Value::Object(o) => {
                o.iter().map(|(k, v)| (Value::String(k.clone()), v.clone())).collect()
            }
            other => {
                return errors.push(
                    Diagnostic::error(1308, format!("for_each of a dynamic block is {}", kind(other)))
                        .at(dynamic.for_each.span())
                        .detail("It takes a list, set or map; an empty one makes no block."),
                );
            }
        };
        if group.items.len() + pairs.len() > ELEMENTS {
            return errors.push(
                Diagnostic::error(
                    1210,
                    format!("there are more than {ELEMENTS} blocks \"{}\"", dynamic.generates),
                )
                .at(dynamic.for_each.span()),
            );
        }
        for (key, value) in pairs {
            let element = Value::object([("key", key), ("value", value)]);
            let entries = [(dynamic.iterator, element)];
            let frame = Frame { entries: &entries, secret: sensitive, outer: locals };
            let before = errors.len();
            let object = self.body(dynamic.content, inner, Locals::of(&frame), errors);
            group.items.push(Value::from(object));
            // The other elements would most likely fail in the same way.
            if errors.len() > before {
                return;
            }
        }
    }
}

/// The blocks of one name as the value of the attribute.
fn finish(group: Group, slot: &Slot<'_>) -> Value {
    let value = match (group.unknown, slot.ty) {
        (Some(u), ty) => Value::Unknown(Arc::new(Unknown { ty: ty.clone(), origin: u.origin.clone() })),
        (None, _) if group.items.is_empty() => Value::Null,
        (None, Type::Set(_)) => Value::set(group.items),
        (None, Type::List(_)) => Value::list(group.items),
        (None, _) => group.items.into_iter().next().unwrap_or(Value::Null),
    };
    value.with_sensitivity(group.sensitive)
}
