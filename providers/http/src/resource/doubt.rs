use mprov_sdk::{Fault, Object, Value};

use super::schema::NOT_MADE;

/// It was asked for, and nobody knows whether it was made: recorded, so that it is not forgotten
/// and no second one is made.
pub fn recorded(planned: &Object, token: &str) -> Object {
    planned
        .clone()
        .with("token", token)
        .with("id", Value::Null)
        .with("output", Value::Null)
        .with("ready", false)
}

pub fn is_in_doubt(instance: &Object) -> bool {
    instance["id"].is_null()
}

/// Why it is not known.
pub fn fault(why: &Fault) -> Fault {
    let said = if why.detail.is_empty() { String::new() } else { format!("{}\n", why.detail) };
    Fault::new(format!("{}: whether it was made is not known", why.summary))
        .detail(format!("{said}{}", advice()))
}

/// For everything that is asked of it until somebody has looked.
pub fn unresolved() -> Fault {
    Fault::new("whether an earlier create made it is not known").detail(advice())
}

fn advice() -> String {
    format!(
        "Look at the API. If it is there, take it over with id = \"…\" in the resource; if it is not, say so with \
         doubt = \"{NOT_MADE}\". A block \"find\" lets mprov look by itself the next time."
    )
}
