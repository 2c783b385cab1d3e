use mprov_sdk::{Call, Fault, Object, Value};

use super::description::Read;
use super::search::search;
use crate::place::{NOTATION, Place};
use crate::pointer::Pointer;
use crate::redaction::Redaction;
use crate::reply::View;
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

/// It as it is now; none if it does not exist.
pub async fn look(
    connection: &Connection,
    call: &Call,
    read: &Read,
    fill: &Fill<'_>,
) -> Result<Option<View>, Trouble> {
    let view = match &read.search {
        Some(wanted) => search(connection, call, &read.request, wanted, fill).await?,
        None => {
            let request = read.request.request(connection, fill)?;
            let reply = connection.send(call, request.clone()).await?;
            match reply.status {
                _ if reply.is_gone() => None,
                status if read.request.accepts(status) => Some(reply.view()),
                status => return Err(Trouble::Refused(status, refused(&request, &reply))),
            }
        }
    };
    Ok(view.filter(|view| match &read.gone {
        Some((place, values)) => place.text(view).is_none_or(|now| !values.contains(&now)),
        None => true,
    }))
}

/// The attributes with what the API says now. Values that only the create told stay as they are.
pub fn observed(known: &Object, view: &View, secrets: &Redaction) -> Result<Object, Fault> {
    let mut object = known.clone();
    let told_once = known.object("create")?.map(|c| c.string_map("outputs")).transpose()?.unwrap_or_default();
    let before = known["output"].as_object().cloned().unwrap_or_default();
    let mut output: Object = told_once.keys().map(|name| (name.as_str(), before.get(name).clone())).collect();
    for (name, value) in outputs(&known.string_map("outputs")?, view)? {
        output.set(name, value);
    }
    object.set("output", marked(output, known, secrets)?);
    if let Some(wanted) = known["compare"].as_object() {
        let now = wanted.iter().map(|(pointer, wanted)| (pointer.clone(), compared(pointer, wanted, view)));
        let sensitive = known["compare"].unmark().1;
        object.set("compare", Value::from(now.collect::<Object>()).with_sensitivity(sensitive));
    }
    Ok(object)
}

/// Values of a reply by the names of outputs; null where there is none.
pub fn outputs(
    places: &std::collections::BTreeMap<String, String>,
    view: &View,
) -> Result<Vec<(String, Value)>, Fault> {
    let each = places.iter().map(|(name, place)| {
        let place = Place::parse(place).ok_or_else(|| {
            Fault::new(format!("the output \"{name}\" has no place in a reply")).detail(NOTATION)
        })?;
        Ok((name.clone(), place.look(view)))
    });
    each.collect()
}

/// Outputs that are declared secret, or that repeat a secret which the API was sent, are marked.
pub fn marked(output: Object, known: &Object, secrets: &Redaction) -> Result<Value, Fault> {
    let declared = known.strings("sensitive_outputs")?;
    let each = output.into_iter().map(|(name, value)| {
        let secret = declared.iter().any(|d| **d == *name)
            || value.any(&|v| matches!(v, Value::String(text) if secrets.is_in(text)));
        (name, value.with_sensitivity(secret))
    });
    Ok(Value::from(each.collect::<Object>()))
}

/// What is at the pointer now, in the form of what is wanted where it means the same.
fn compared(pointer: &str, wanted: &Value, view: &View) -> Value {
    let now = Pointer::parse(pointer).and_then(|p| p.look(&view.body)).unwrap_or(Value::Null);
    match now.same(wanted) {
        true => wanted.clone(),
        false => now.with_sensitivity(wanted.contains_sensitive()),
    }
}

/// Whether everything that is compared is as it is wanted.
pub fn is_as_wanted(wanted: &Object, view: &View) -> bool {
    let Some(wanted) = wanted["compare"].as_object() else { return true };
    wanted.iter().all(|(pointer, value)| compared(pointer, value, view).same(value))
}
