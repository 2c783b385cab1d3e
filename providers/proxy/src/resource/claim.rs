use mprov_sdk::{Call, Diagnostic, Fault, Object};

use crate::model::Owner;

/// The attribute in which a difference shows that no other attribute explains.
pub const UNEXPECTED: &str = "unexpected";
pub const UNEXPECTED_MEANS: &str = "What differs in the proxy from these attributes, found when reading. Always null after an apply; not to be set.";

/// A refused attribute.
pub fn refuse(attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(5001, summary).detail(detail).address(attribute)
}

/// The value of a string attribute, where it is known.
pub fn known<'a>(config: &'a Object, name: &str) -> Option<&'a str> {
    config[name].as_str()
}

pub fn owner(call: &Call) -> Owner {
    Owner { address: call.address.to_string(), token: call.token.to_string() }
}

/// An instance may be made where there is none or where this very step has begun to make it.
pub fn claim(existing: Option<&Owner>, call: &Call, what: &str) -> Result<(), Fault> {
    match existing {
        Some(owner) if owner.token != *call.token => Err(Fault::new(format!("{what} exists already"))
            .detail(format!(
                "It was made as {}. Remove one of the two, or import it under this address.",
                owner.address
            ))),
        _ => Ok(()),
    }
}
