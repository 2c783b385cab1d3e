use mprov_sdk::{Object, Value};

use super::change::whole;
use crate::json;
use crate::pointer::Pointer;

/// What has to be done to make what is there what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Attributes that differ in a way which only a replacement brings about.
    pub replaces: Vec<&'static str>,
    /// The update has to be sent. Otherwise the new description is only recorded.
    pub sends: bool,
    /// It was imported or is taken over: what it was made with is not known.
    pub is_adoption: bool,
}

impl Difference {
    /// Pure. `prior` is what is there now, `wanted` may hold unknown values.
    pub fn between(prior: &Object, wanted: &Object) -> Self {
        if prior["create"].is_null() || prior["id"].is_null() {
            return Self { is_adoption: true, ..Self::default() };
        }
        let mut difference = Self::default();
        let (before, after) = (field(prior, "create", "body"), field(wanted, "create", "body"));
        // Elsewhere is something else.
        if !field(prior, "create", "path").same(&field(wanted, "create", "path")) {
            difference.replaces.push("create");
        }
        let changed = changes(&before, &after);
        let rules = Rules::of(prior, wanted);
        if changed.iter().any(|place| rules.replaces(place, &before, &after)) {
            difference.replaces.push("create");
        }
        difference.sends = !changed.is_empty() || !rules.same_update;
        if compared_differs(&prior["compare"], &wanted["compare"]) {
            match rules.updates {
                true => difference.sends = true,
                false => difference.replaces.push("compare"),
            }
        }
        difference.sends &= rules.updates;
        difference.replaces.dedup();
        difference
    }
}

/// What the configuration says about changes of the create's body.
struct Rules {
    replace_on: Vec<Pointer>,
    update_on: Vec<Pointer>,
    updates: bool,
    /// Bodies of the update, where it has its own: before and after.
    own: Option<(Value, Value)>,
    same_update: bool,
}

impl Rules {
    fn of(prior: &Object, wanted: &Object) -> Self {
        let pointers = |name: &str| {
            let texts = wanted[name].as_elements().unwrap_or_default().iter();
            texts.filter_map(|text| Pointer::parse(text.as_str()?)).collect::<Vec<_>>()
        };
        let updates = !wanted["update"].is_null();
        let is_own = !field(wanted, "update", "body").is_null();
        let body = |object: &Object| {
            let update = object["update"].as_object().map(|update| whole(update, object));
            update.map_or(Value::Null, |update| shape(&update["body"]))
        };
        let (before, after) = (body(prior), body(wanted));
        Self {
            replace_on: pointers("replace_on"),
            update_on: pointers("update_on"),
            updates,
            // That there was no update before is no change: there is nothing to make good for.
            same_update: !is_own || prior["update"].is_null() || before.same(&after),
            own: is_own.then_some((before, after)),
        }
    }

    fn replaces(&self, place: &Pointer, before: &Value, after: &Value) -> bool {
        let touches =
            |entry: &Pointer| entry.holds(place) || (place.holds(entry) && differs_at(entry, before, after));
        if !self.updates || self.replace_on.iter().any(touches) {
            return true;
        }
        if self.update_on.iter().any(|entry| entry.holds(place)) {
            return false;
        }
        // An update with a body of its own brings about what its body says at the same place.
        match &self.own {
            Some((old, new)) => place.look(new).is_none() && place.look(old).is_none(),
            None => false,
        }
    }
}

fn differs_at(place: &Pointer, before: &Value, after: &Value) -> bool {
    match (place.look(before), place.look(after)) {
        (Some(a), Some(b)) => !a.same(&b),
        // Inside of something unknown.
        (a, b) => a != b || after.contains_unknown(),
    }
}

/// An entry that nobody has looked at yet is no difference.
fn compared_differs(now: &Value, wanted: &Value) -> bool {
    let (Some(now), Some(wanted)) = (now.as_object(), wanted.as_object()) else { return false };
    wanted.iter().any(|(pointer, value)| now.lookup(pointer).is_some_and(|now| !now.same(value)))
}

fn field(object: &Object, block: &str, name: &str) -> Value {
    object[block].as_object().map_or(Value::Null, |block| shape(&block[name]))
}

/// A body that is given as JSON text is compared as what it says.
fn shape(body: &Value) -> Value {
    let (plain, _) = body.unmark_deep();
    let parsed = plain.as_str().and_then(|text| json::parse(text.as_bytes()));
    parsed.filter(|v| matches!(v, Value::Object(_) | Value::Tuple(_))).unwrap_or(plain)
}

/// The places where two bodies differ, as deep as both have the same shape.
fn changes(before: &Value, after: &Value) -> Vec<Pointer> {
    let mut found = Vec::new();
    collect(&Pointer::WHOLE, before, after, &mut found);
    found
}

fn collect(here: &Pointer, before: &Value, after: &Value, found: &mut Vec<Pointer>) {
    if before.same(after) && !after.contains_unknown() {
        return;
    }
    if let (Value::Map(a) | Value::Object(a), Value::Map(b) | Value::Object(b)) = (before, after) {
        let mut names: Vec<_> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            // Absent and null are the same to a person, and to most APIs.
            collect(&here.below(name), a.get(name), b.get(name), found);
        }
        return;
    }
    match (before.as_elements(), after.as_elements()) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                collect(&here.below(&i.to_string()), a, b, found);
            }
        }
        _ => found.push(here.clone()),
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Type;

    use super::*;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).expect("JSON")
    }

    fn server(body: &str) -> Object {
        let create = Object::new().with("path", "/servers").with("body", value(body));
        Object::new().with("id", "1").with("create", Value::from(create))
    }

    fn with_update(object: Object, body: Value) -> Object {
        object.with("update", Value::from(Object::new().with("path", "/servers/{id}").with("body", body)))
    }

    const OLD: &str = r#"{"name": "a", "flavor": 1, "nets": [{"id": "n1"}]}"#;

    #[test]
    fn without_an_update_every_change_replaces() {
        let difference = Difference::between(&server(OLD), &server(r#"{"name": "b", "flavor": 1}"#));
        assert_eq!((difference.replaces, difference.sends), (vec!["create"], false));
        assert_eq!(Difference::between(&server(OLD), &server(OLD)), Difference::default());
    }

    #[test]
    fn an_update_that_sends_the_whole_changes_all_but_what_replaces() {
        let of = |name: &str, flavor: u8| {
            let text = format!(r#"{{"name": "{name}", "flavor": {flavor}, "nets": [{{"id": "n1"}}]}}"#);
            let object = with_update(server(&text), Value::Null);
            object.with("replace_on", Value::list(["/flavor".into()]))
        };
        let prior = of("a", 1);
        let renamed = Difference::between(&prior, &of("b", 1));
        assert_eq!((renamed.replaces, renamed.sends), (vec![], true));
        let resized = Difference::between(&prior, &of("b", 2));
        assert_eq!(resized.replaces, ["create"]);
    }

    #[test]
    fn an_update_with_its_own_body_changes_what_is_in_it() {
        let of = |name: &str, flavor: u8| {
            let text = format!(r#"{{"name": "{name}", "flavor": {flavor}}}"#);
            with_update(server(&text), value(&format!(r#"{{"name": "{name}"}}"#)))
        };
        let prior = of("a", 1);
        let renamed = Difference::between(&prior, &of("b", 1));
        assert_eq!((renamed.replaces, renamed.sends), (vec![], true));
        assert_eq!(Difference::between(&prior, &of("a", 2)).replaces, ["create"]);
        let told = of("a", 2).with("update_on", Value::list(["/flavor".into()]));
        let difference = Difference::between(&prior, &told);
        assert_eq!((difference.replaces, difference.sends), (vec![], true));
    }

    #[test]
    fn what_is_unknown_may_change() {
        let mut wanted = with_update(server(OLD), Value::Null);
        let prior = wanted.clone();
        let body = value(OLD).as_object().expect("an object").clone();
        let body = body.with("nets", Value::unknown(Type::Any));
        wanted.set(
            "create",
            Value::from(Object::new().with("path", "/servers").with("body", Value::from(body))),
        );
        assert!(Difference::between(&prior, &wanted).sends);
        wanted.set("replace_on", Value::list(["/nets/0/id".into()]));
        assert_eq!(Difference::between(&prior, &wanted).replaces, ["create"]);
        wanted.set("replace_on", Value::list(["/flavor".into()]));
        assert_eq!(Difference::between(&prior, &wanted).replaces, [] as [&str; 0]);
    }

    #[test]
    fn drift_is_a_difference_and_a_new_comparison_is_none() {
        let compare = |text: &str| with_update(server(OLD), Value::Null).with("compare", value(text));
        let prior = compare(r#"{"/name": "x"}"#);
        assert!(Difference::between(&prior, &compare(r#"{"/name": "a"}"#)).sends);
        assert!(!Difference::between(&prior, &compare(r#"{"/name": "x", "/size": 1}"#)).sends);
        let prior = server(OLD).with("compare", value(r#"{"/name": "x"}"#));
        let wanted = server(OLD).with("compare", value(r#"{"/name": "a"}"#));
        assert_eq!(Difference::between(&prior, &wanted).replaces, ["compare"]);
    }

    #[test]
    fn json_text_is_compared_as_what_it_says() {
        let text = |body: &str| {
            let create = Object::new().with("path", "/servers").with("body", body);
            Object::new().with("id", "1").with("create", Value::from(create))
        };
        let difference = Difference::between(&text(r#"{"a":1, "b":2}"#), &text(r#"{"b": 2, "a": 1}"#));
        assert_eq!(difference, Difference::default());
    }
}
