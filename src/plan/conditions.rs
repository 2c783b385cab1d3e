use mprov_sdk::{Diagnostic, Diagnostics, Type, Value, convert};

use super::scope::InstanceScope;
use crate::config::Condition;
use crate::config::eval::evaluate;

/// Evaluates conditions; one that cannot be decided yet passes, and is decided in the apply.
pub fn check(conditions: &[Condition], code: u16, what: &str, scope: &InstanceScope<'_>) -> Diagnostics {
    conditions.iter().flat_map(|condition| check_one(condition, code, what, scope)).collect()
}

fn check_one(condition: &Condition, code: u16, what: &str, scope: &InstanceScope<'_>) -> Diagnostics {
    let value = match evaluate(&condition.condition, scope) {
        Ok(value) => value,
        Err(diagnostics) => return diagnostics,
    };
    if value.is_unknown() {
        return Diagnostics::new();
    }
    let holds = convert(&value, &Type::Bool).ok().and_then(|v| v.as_bool());
    match holds {
        Some(true) => Diagnostics::new(),
        Some(false) => failed(condition, code, what, scope),
        None => {
            Diagnostic::error(1205, "a condition must be true or false").at(condition.condition.span()).into()
        }
    }
}

fn failed(condition: &Condition, code: u16, what: &str, scope: &InstanceScope<'_>) -> Diagnostics {
    let message = match evaluate(&condition.error_message, scope) {
        Ok(Value::Sensitive(_)) => "(the message is sensitive)".to_owned(),
        Ok(value) => value.as_str().unwrap_or("(the message is not known yet)").to_owned(),
        Err(diagnostics) => return diagnostics,
    };
    Diagnostic::error(code, what.to_owned())
        .at(condition.condition.span())
        .here("this is false")
        .detail(message)
        .into()
}
