use mprov_sdk::{Diagnostic, Diagnostics, Name, Span, Type, Value, convert};

use crate::config::eval::{constant, did_you_mean};
use crate::config::{Argument, Body, Condition, Expr, NestedBlock};

/// Takes a block of the language apart: what is asked for is taken out, what is left is unknown.
pub struct Fields<'d> {
    /// The kind of block, as in `a variable block`.
    what: &'static str,
    body: Body,
    arguments: Vec<&'static str>,
    blocks: Vec<&'static str>,
    pub diagnostics: &'d mut Diagnostics,
}

impl<'d> Fields<'d> {
    pub fn new(what: &'static str, body: Body, diagnostics: &'d mut Diagnostics) -> Self {
        Self { what, body, arguments: Vec::new(), blocks: Vec::new(), diagnostics }
    }

    pub fn argument(&mut self, name: &'static str) -> Option<Argument> {
        self.arguments.push(name);
        self.body.arguments.remove(name)
    }

    pub fn expr(&mut self, name: &'static str) -> Option<Expr> {
        self.argument(name).map(|a| a.expr)
    }

    /// An argument that must be there.
    pub fn required(&mut self, name: &'static str) -> Option<Expr> {
        let found = self.expr(name);
        if found.is_none() {
            self.diagnostics.push(
                Diagnostic::error(1014, format!("{} needs the argument \"{name}\"", self.what))
                    .at(self.body.span),
            );
        }
        found
    }

    /// A literal `true` or `false`; false where it is absent.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    pub fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        let expr = self.expr(name)?;
        match self.literal(name, &expr, &Type::Bool)? {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// A literal string.
    pub fn text(&mut self, name: &'static str) -> Option<(String, Span)> {
        let expr = self.expr(name)?;
        match self.literal(name, &expr, &Type::String)? {
            Value::String(text) => Some((text.to_string(), expr.span())),
            _ => None,
        }
    }

    fn literal(&mut self, name: &str, expr: &Expr, ty: &Type) -> Option<Value> {
        let value = match constant(expr) {
            Ok(value) => value,
            Err(errors) => {
                self.diagnostics.extend(errors);
                return None;
            }
        };
        let (plain, _) = value.unmark();
        match convert(plain, ty) {
            Ok(value) if !value.is_null() => Some(value),
            _ => {
                let article = if *ty == Type::Bool { "true or false" } else { "a string" };
                self.diagnostics.push(
                    Diagnostic::error(1019, format!("\"{name}\" has to be {article}, written out"))
                        .at(expr.span()),
                );
                None
            }
        }
    }

    /// All nested blocks of that name.
    pub fn blocks(&mut self, name: &'static str) -> Vec<NestedBlock> {
        self.blocks.push(name);
        let (taken, left) = std::mem::take(&mut self.body.blocks).into_iter().partition(|b| &*b.name == name);
        self.body.blocks = left;
        taken
    }

    /// The one nested block of that name.
    pub fn block(&mut self, name: &'static str) -> Option<NestedBlock> {
        let mut found = self.blocks(name).into_iter();
        let first = found.next()?;
        for further in found {
            self.diagnostics.push(
                Diagnostic::error(1015, format!("there is a second \"{name}\" block"))
                    .at(further.span)
                    .label(first.span, "the first one")
                    .detail("Put what both say into one."),
            );
        }
        Some(first)
    }

    /// Blocks of a condition and its message.
    pub fn conditions(&mut self, name: &'static str) -> Vec<Condition> {
        let blocks = self.blocks(name);
        blocks.into_iter().filter_map(|block| self.condition(block)).collect()
    }

    fn condition(&mut self, block: NestedBlock) -> Option<Condition> {
        let span = block.span;
        let mut fields = Fields::new("a block with a condition", block.body, self.diagnostics);
        let condition = fields.required("condition");
        let error_message = fields.required("error_message");
        fields.finish();
        Some(Condition { condition: condition?, error_message: error_message?, span })
    }

    /// What was not asked for: the part of the block that a schema describes.
    pub fn rest(self) -> Body {
        self.body
    }

    /// Reports what was not asked for.
    pub fn finish(self) {
        for (name, argument) in &self.body.arguments {
            let nested = self.blocks.contains(&&**name);
            let advice = match nested {
                true => format!("It is a block here: {name} {{ ... }}, without an equals sign."),
                false => did_you_mean(name, self.arguments.iter().copied()),
            };
            self.diagnostics.push(
                Diagnostic::error(1013, format!("{} has no argument \"{name}\"", self.what))
                    .at(argument.name_span)
                    .detail(self.listed(advice, "arguments", &self.arguments)),
            );
        }
        for block in &self.body.blocks {
            let name: &Name = &block.name;
            let advice = match self.arguments.contains(&&**name) {
                true => format!("It is an argument here: {name} = ..."),
                false => did_you_mean(name, self.blocks.iter().copied()),
            };
            self.diagnostics.push(
                Diagnostic::error(1013, format!("{} has no block \"{name}\"", self.what))
                    .at(block.span)
                    .detail(self.listed(advice, "blocks", &self.blocks)),
            );
        }
    }

    /// The advice, or else all that is possible.
    fn listed(&self, advice: String, kind: &str, possible: &[&str]) -> String {
        match (advice.is_empty(), possible.is_empty()) {
            (false, _) => advice,
            (true, true) => format!("It takes no {kind}."),
            (true, false) => format!("It takes the {kind} {}.", possible.join(", ")),
        }
    }
}
