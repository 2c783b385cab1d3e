use mprov_sdk::{Diagnostic, Diagnostics, Type, Value, convert};

use super::fields::Fields;
use super::name::{duplicate, labels};
use crate::config::eval::{constant, parse_type};
use crate::config::load::parse::Block;
use crate::config::{Expr, Module, Variable};

/// Names that the header of a module call needs for itself.
const RESERVED: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

pub fn variable(block: Block, module: &mut Module, diagnostics: &mut Diagnostics) {
    let Some([(name, name_span)]) = labels(&block, ["name"], diagnostics) else { return };
    let span = block.body.span;
    if RESERVED.contains(&&*name) {
        diagnostics.push(
            Diagnostic::error(1431, format!("a variable cannot be called \"{name}\""))
                .at(name_span)
                .detail("In a module call this argument has a meaning of its own. Choose another name."),
        );
    }
    let mut fields = Fields::new("a variable", block.body, diagnostics);
    let ty = match fields.expr("type").map(|expr| parse_type(&expr)) {
        None => Type::Any,
        Some(Ok(ty)) => ty,
        Some(Err(error)) => {
            fields.diagnostics.push(error);
            Type::Any
        }
    };
    let nullable = fields.optional_flag("nullable").unwrap_or(true);
    let default =
        fields.expr("default").and_then(|expr| default(&name, &expr, &ty, nullable, fields.diagnostics));
    let description = fields.text("description").map(|(text, _)| text);
    let sensitive = fields.flag("sensitive");
    let validations = fields.conditions("validation");
    reject_ephemeral(&mut fields);
    fields.finish();

    if let Some(first) = module.variables.get(&name) {
        diagnostics.push(duplicate(&format!("variable \"{name}\""), span, first.span));
        return;
    }
    module
        .variables
        .insert(name, Variable { ty, default, description, sensitive, nullable, validations, span });
}

/// A default that is wrong counts as given: that it is missing would be a second error for one cause.
fn default(
    name: &str,
    expr: &Expr,
    ty: &Type,
    nullable: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let value = match constant(expr) {
        Ok(value) => value,
        Err(errors) => {
            diagnostics.extend(errors);
            return Some(Value::unknown(ty.clone()));
        }
    };
    if value.is_null() && !nullable {
        diagnostics.push(
            Diagnostic::error(1432, format!("variable \"{name}\" is not nullable, but its default is null"))
                .at(expr.span())
                .detail("Remove the default, and a value must be given; or allow null."),
        );
    }
    match convert(&value, ty) {
        Ok(value) => Some(value),
        Err(error) => {
            diagnostics.push(
                Diagnostic::error(
                    1432,
                    format!("the default of variable \"{name}\" does not fit its type: {error}"),
                )
                .at(expr.span())
                .here(format!("the type is {ty}")),
            );
            Some(Value::unknown(ty.clone()))
        }
    }
}

/// Values that are never stored are not offered; silently storing them would be worse.
pub fn reject_ephemeral(fields: &mut Fields<'_>) {
    if let Some(argument) = fields.argument("ephemeral") {
        fields.diagnostics.push(
            Diagnostic::error(1433, "ephemeral values do not exist here")
                .at(argument.name_span)
                .detail("Use sensitive = true: sensitive values are sealed wherever mprov stores them."),
        );
    }
}
