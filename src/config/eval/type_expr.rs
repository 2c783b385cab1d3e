use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};
use mprov_sdk::{Diagnostic, Field, Name, Type, convert};

use super::evaluator::constant;
use super::suggest::did_you_mean;
use crate::config::Expr;

const NAMES: [&str; 10] =
    ["string", "number", "bool", "any", "list", "set", "map", "tuple", "object", "optional"];

/// The type that an expression such as `list(string)` or `object({a = string})` describes.
pub fn parse_type(expr: &Expr) -> Result<Type, Diagnostic> {
    Parser { expr }.ty(expr.node())
}

struct Parser<'e> {
    expr: &'e Expr,
}

impl Parser<'_> {
    fn error(&self, node: &Expression, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::error(1212, summary).at(self.expr.place(node.span())).detail(detail)
    }

    fn ty(&self, node: &Expression) -> Result<Type, Diagnostic> {
        match node {
            Expression::Variable(name) => self.keyword(node, name.value().as_str()),
            Expression::FuncCall(call) => self.constructor(node, call),
            Expression::Parenthesis(inner) => self.ty(inner.inner()),
            Expression::String(text) => {
                let advice = match NAMES.contains(&text.value().as_str()) {
                    true => format!("Write it without quotes, {}.", text.value()),
                    false => "Types are written without quotes, as in list(string).".to_owned(),
                };
                Err(self.error(node, "a type is not a string", advice))
            }
            other => Err(self.error(other, "this is no type", "A type looks like string or list(string).")),
        }
    }

    fn keyword(&self, node: &Expression, name: &str) -> Result<Type, Diagnostic> {
        match name {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "any" => Ok(Type::Any),
            "list" | "set" | "map" => {
                let advice = format!("Write {name}(string) or {name}(any).");
                Err(self.error(node, format!("{name} needs the type of its elements"), advice))
            }
            "object" => {
                Err(self.error(node, "object needs its attributes", "Write object({ name = string })."))
            }
            "tuple" => Err(self.error(node, "tuple needs its elements", "Write tuple([string, number]).")),
            other => {
                let names = NAMES.into_iter().filter(|n| *n != "optional");
                Err(self.error(node, format!("there is no type \"{other}\""), did_you_mean(other, names)))
            }
        }
    }

    fn constructor(&self, node: &Expression, call: &FuncCall) -> Result<Type, Diagnostic> {
        let name = call.name.name.value().as_str();
        if name == "optional" {
            return Err(self.error(
                node,
                "optional() stands around the type of an object's attribute only",
                "Write object({ name = optional(string) }).",
            ));
        }
        if !matches!(name, "list" | "set" | "map" | "tuple" | "object") || call.name.is_namespaced() {
            let advice = match NAMES.contains(&name) {
                true => format!("{name} takes no arguments."),
                false => did_you_mean(name, NAMES),
            };
            return Err(self.error(node, format!("there is no type {name}(…)"), advice));
        }
        let arguments: Vec<&Expression> = call.args.iter().collect();
        let [argument] = arguments.as_slice() else {
            return Err(self.error(node, format!("{name}() takes exactly one argument"), ""));
        };
        match (name, *argument) {
            ("list", element) => self.ty(element).map(Type::list),
            ("set", element) => self.ty(element).map(Type::set),
            ("map", element) => self.ty(element).map(Type::map),
            ("tuple", Expression::Array(items)) => {
                items.iter().map(|item| self.ty(item)).collect::<Result<_, _>>().map(Type::Tuple)
            }
            ("tuple", other) => {
                Err(self.error(other, "tuple() takes a list of types", "Write tuple([string, number])."))
            }
            (_, Expression::Object(object)) => self.object(object),
            (_, other) => Err(self.error(
                other,
                "object() takes the types of the attributes in braces",
                "Write object({ name = string }).",
            )),
        }
    }

    fn object(&self, object: &Object) -> Result<Type, Diagnostic> {
        let mut fields: BTreeMap<Name, Field> = BTreeMap::new();
        for (key, value) in object.iter() {
            let name: Name = match key {
                ObjectKey::Ident(name) => name.value().as_str().into(),
                ObjectKey::Expression(Expression::String(text)) => text.value().as_str().into(),
                ObjectKey::Expression(node) => {
                    return Err(self.error(node, "the name of an attribute is a plain word", ""));
                }
            };
            fields.insert(name, self.field(value.expr())?);
        }
        Ok(Type::Object(fields))
    }

    fn field(&self, node: &Expression) -> Result<Field, Diagnostic> {
        let call = match node {
            Expression::FuncCall(call) if call.name.name.value().as_str() == "optional" => call,
            node => return self.ty(node).map(Field::required),
        };
        let arguments: Vec<&Expression> = call.args.iter().collect();
        match arguments.as_slice() {
            [ty] => self.ty(ty).map(Field::optional),
            [ty, default] => {
                let ty = self.ty(ty)?;
                let place =
                    Expr::new((*default).clone(), self.expr.source(), self.expr.place(Some(0..0)).start);
                let value = constant(&place).map_err(|errors| {
                    let first = errors.into_iter().next();
                    first.unwrap_or_else(|| self.error(default, "the default cannot be evaluated", ""))
                })?;
                let value = convert(&value, &ty).map_err(|e| {
                    self.error(default, format!("the default does not fit its type: {e}"), "")
                })?;
                Ok(Field::with_default(ty, value))
            }
            _ => Err(self.error(node, "optional() takes a type and perhaps a default", "")),
        }
    }
}
