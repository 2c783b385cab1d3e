use mprov_sdk::{Change, Mode, Name, Object, Value};

use crate::plan::{Action, Step};
use crate::view::change::{changed_names, write_change};
use crate::view::literal::{columns, key, quoted};
use crate::view::page::{Mark, Page};
use crate::view::value::{Cut, Frame, write_value};

use super::grouping::Block;
use super::title;

/// Attributes that are shown unchanged, to know the thing by.
const IDENTITY: [&str; 2] = ["id", "name"];
const FORCES: &str = "# forces replacement";

/// Title, header and attribute lines of one instance.
pub fn write(page: &mut Page, block: &Block<'_>) {
    let step = block.step();
    title::write(page, block);
    header(page, block.mark(), step);
    let own = step.address.to_string();
    match block {
        Block::Replace { delete, create, .. } => replaced(page, delete, create, &own),
        Block::One(step) => match step.action {
            Action::Create | Action::Read => {
                let after = step.after.as_ref().map(|o| plainly_unknown_object(o, &own));
                whole(page, Mark::Add, "", after.as_ref());
            }
            Action::Delete => whole(page, Mark::Remove, " -> null", step.before.as_ref()),
            Action::Update => updated(page, step, &own),
        },
    }
    page.line(0, Mark::None, "}");
}

pub fn header(page: &mut Page, mark: Mark, step: &Step) {
    page.line(0, mark, &block_header(&step.address.resource));
}

/// `resource "type" "name" {`
pub fn block_header(resource: &mprov_sdk::ResourceAddress) -> String {
    let word = if resource.mode == Mode::Data { "data" } else { "resource" };
    format!("{word} {} {} {{", quoted(&resource.kind, None), quoted(&resource.name, None))
}

/// All attributes that have a value.
fn whole(page: &mut Page, mark: Mark, after: &'static str, attributes: Option<&Object>) {
    let Some(attributes) = attributes else { return };
    let shown: Vec<(String, &Value)> =
        attributes.iter().filter(|(_, v)| !v.is_null()).map(|(n, v)| (key(n), v)).collect();
    let width = shown.iter().map(|(n, _)| columns(n)).max().unwrap_or(0);
    for (name, value) in shown {
        let frame = Frame { after, ..Frame::entry(&name, width) };
        write_value(page, 1, mark, &frame, value, Cut::PLAN);
    }
}

fn updated(page: &mut Page, step: &Step, own: &str) {
    let changes: Vec<Change> = step.changes.iter().map(|c| plainly_unknown_change(c, own)).collect();
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    body(page, &changes, step.after.as_ref());
}

/// The changes that ask for the replacement, and all that becomes different with it.
fn replaced(page: &mut Page, delete: &Step, create: &Step, own: &str) {
    let (empty, none) = (Object::new(), Object::new());
    let before = delete.before.as_ref().or(create.before.as_ref()).unwrap_or(&empty);
    let after = create.after.as_ref().unwrap_or(&none);
    let named = if create.changes.is_empty() { &delete.changes } else { &create.changes };
    let consequent = changed_names(before, after)
        .into_iter()
        .filter(|name| !named.iter().any(|c| c.name == *name))
        .map(|name: Name| Change {
            before: before.get(&name).clone(),
            after: after.get(&name).clone(),
            name,
            replaces: false,
        });
    let all: Vec<Change> =
        named.iter().cloned().chain(consequent).map(|c| plainly_unknown_change(&c, own)).collect();
    let mut changes: Vec<&Change> = all.iter().collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    body(page, &changes, Some(after));
}

/// Changed attributes and those that tell which thing it is, in order; the others as a number.
pub fn body(page: &mut Page, changes: &[&Change], after: Option<&Object>) {
    let changed = |name: &str| changes.iter().any(|c| &*c.name == name);
    let identity: Vec<(&str, &Value)> = after.map_or_else(Vec::new, |after| {
        let shown = IDENTITY.into_iter().map(|name| (name, after.get(name)));
        shown.filter(|(name, v)| v.as_str().is_some() && !changed(name)).collect()
    });
    let names = changes.iter().map(|c| columns(&key(&c.name)));
    let width = names.chain(identity.iter().map(|(n, _)| columns(n))).max().unwrap_or(0);

    let mut identity = identity.into_iter().peekable();
    for change in changes {
        while let Some((name, value)) = identity.next_if(|(name, _)| *name < &*change.name) {
            write_value(page, 1, Mark::None, &Frame::entry(name, width), value, Cut::PLAN);
        }
        let remark = if change.replaces { FORCES } else { "" };
        let frame = Frame { remark, ..Frame::entry(&key(&change.name), width) };
        write_attribute(page, &frame, change);
    }
    for (name, value) in identity {
        write_value(page, 1, Mark::None, &Frame::entry(name, width), value, Cut::PLAN);
    }
    let others = after.map_or(0, |after| {
        let shown = |name: &str, value: &Value| {
            changed(name) || (IDENTITY.contains(&name) && value.as_str().is_some())
        };
        after.iter().filter(|(name, value)| !value.is_null() && !shown(name, value)).count()
    });
    page.hidden(1, others, "attribute");
}

fn write_attribute(page: &mut Page, frame: &Frame, change: &Change) {
    if change.before.same(&change.after) {
        // A provider may list a change of what only the apply can tell apart.
        return write_value(page, 1, Mark::Change, frame, &change.after, Cut::PLAN);
    }
    write_change(page, 1, frame, &change.before, &change.after);
}

/// What becomes known by the instance itself is "known after apply": to name the instance in its
/// own block says nothing.
fn plainly_unknown(value: &Value, own: &str) -> Value {
    match value {
        Value::Unknown(u) if u.origin.as_deref() == Some(own) => Value::unknown(u.ty.clone()),
        Value::Sensitive(inner) => plainly_unknown(inner, own).sensitive(),
        value if !value.contains_unknown() => value.clone(),
        Value::List(v) => Value::list(v.iter().map(|v| plainly_unknown(v, own))),
        Value::Set(v) => Value::set(v.iter().map(|v| plainly_unknown(v, own))),
        Value::Tuple(v) => Value::tuple(v.iter().map(|v| plainly_unknown(v, own))),
        Value::Map(o) => Value::map(plainly_unknown_object(o, own)),
        Value::Object(o) => Value::from(plainly_unknown_object(o, own)),
        other => other.clone(),
    }
}

fn plainly_unknown_object(object: &Object, own: &str) -> Object {
    object.iter().map(|(name, value)| (name.clone(), plainly_unknown(value, own))).collect()
}

fn plainly_unknown_change(change: &Change, own: &str) -> Change {
    Change { after: plainly_unknown(&change.after, own), ..change.clone() }
}
