use std::collections::BTreeMap;

use mprov_sdk::{Diagnostic, Diagnostics, Name, SourceId, Type, Value, convert};

use super::inputs::{Form, Given, Inputs, Origin};
use crate::config::eval::{constant, did_you_mean};
use crate::config::load::parse::parse_expression;
use crate::config::{Expr, Module, Variable};

/// The value of each variable of the root module: what was given last, else its default, converted
/// to its type and marked where it is sensitive. With errors among the diagnostics some are missing.
/// Validations are not looked at: they may refer to what is planned.
pub fn resolve(root: &Module, inputs: &Inputs) -> (BTreeMap<Name, Value>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut given: BTreeMap<&Name, &Given> = BTreeMap::new();
    for input in inputs.iter() {
        match root.variables.contains_key(&input.name) {
            true => {
                given.insert(&input.name, input);
            }
            false => undeclared(root, input, &mut diagnostics),
        }
    }
    let mut values = BTreeMap::new();
    for (name, variable) in &root.variables {
        let value = match given.get(name) {
            Some(input) => convert_input(variable, input),
            None => variable.default.clone().ok_or_else(|| missing(name, variable)),
        };
        match value {
            Ok(value) => {
                values.insert(name.clone(), value.with_sensitivity(variable.sensitive));
            }
            Err(error) => diagnostics.push(error),
        }
    }
    (values, diagnostics)
}

/// The value in the variable's type.
fn convert_input(variable: &Variable, input: &Given) -> Result<Value, Diagnostic> {
    let name = &input.name;
    let span = match &input.form {
        Form::Value(_, span) => Some(*span),
        Form::Text(_) => None,
    };
    let (value, ty) = match &input.form {
        Form::Value(value, _) => (value.clone(), &variable.ty),
        Form::Text(text) => (read_text(variable, name, text, input.origin)?, &variable.ty),
    };
    if value.is_null() && !variable.nullable {
        return variable.default.clone().ok_or_else(|| {
            Diagnostic::error(1439, format!("variable \"{name}\" cannot be null{}", from(name, input.origin)))
                .at(span)
                .label(variable.span, "declared with nullable = false")
        });
    }
    convert(&value, ty).map_err(|error| {
        Diagnostic::error(
            1437,
            format!("the value of variable \"{name}\"{} does not fit: {error}", from(name, input.origin)),
        )
        .at(span)
        .label(variable.span, format!("its type is {ty}"))
    })
}

/// The value that a text means: primitive types take it as it stands, others as an expression.
/// Without a type only what can be nothing but an expression is one.
fn read_text(variable: &Variable, name: &Name, text: &str, origin: Origin) -> Result<Value, Diagnostic> {
    let is_expression = match &variable.ty {
        Type::Any => text.trim_start().starts_with(['[', '{', '"']),
        ty => !ty.is_primitive(),
    };
    if !is_expression {
        return Ok(Value::string(text));
    }
    let read = || {
        let node = parse_expression(text.trim())?;
        // Errors inside of it would point into a text that must not be shown.
        constant(&Expr::new(node, SourceId(u32::MAX), 0)).ok()
    };
    read().ok_or_else(|| {
        Diagnostic::error(
            1437,
            format!("the value of variable \"{name}\"{} is not an expression", from(name, origin)),
        )
        .label(variable.span, format!("its type is {}", variable.ty))
        .detail(format!(
            "Write it as it would stand in a file, in single quotes for the shell: -var \
                '{name}=[\"a\", \"b\"]'."
        ))
    })
}

fn from(name: &str, origin: Origin) -> String {
    match origin {
        Origin::Environment => format!(", from the environment variable MPROV_VAR_{name},"),
        Origin::Flag => ", given with -var,".into(),
        Origin::File => String::new(),
    }
}

fn missing(name: &str, variable: &Variable) -> Diagnostic {
    let description = match &variable.description {
        Some(text) => format!("It is described as: {text} "),
        None => String::new(),
    };
    Diagnostic::error(1436, format!("variable \"{name}\" has no value"))
        .at(variable.span)
        .here("it has no default")
        .detail(format!(
            "{description}Set it with -var '{name}=...', with {name} = ... in mprov.mprovvars.hcl, or \
             with the environment variable MPROV_VAR_{name}."
        ))
}

/// A misspelled flag is an error. Files are shared between configurations, and environments hold
/// what is meant for others.
fn undeclared(root: &Module, input: &Given, diagnostics: &mut Diagnostics) {
    let name = &input.name;
    let near = did_you_mean(name, root.variables.keys().map(|n| &**n));
    let advice = match near.is_empty() {
        true => format!("Declare it with variable \"{name}\" {{}}, or remove the value."),
        false => near,
    };
    let summary = format!("there is no variable \"{name}\"");
    match (input.origin, &input.form) {
        (Origin::Flag, _) => {
            diagnostics.push(
                Diagnostic::error(1438, format!("{summary}, but -var gives it a value")).detail(advice),
            );
        }
        (Origin::File, Form::Value(_, span)) => {
            diagnostics.push(
                Diagnostic::warning(1438, format!("{summary}; the value given here is ignored"))
                    .at(*span)
                    .detail(advice),
            );
        }
        _ => {}
    }
}
