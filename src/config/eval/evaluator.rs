use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Array, Expression, Object as ObjectExpr, ObjectKey};
use mprov_sdk::{Diagnostic, Diagnostics, Name, Object, SourceId, Span, Type, Value, convert};

use super::Scope;
use super::explain::explain;
use super::limits::{Budget, check_whole};
use super::literal::{normal, number};
use super::locals::Locals;
use crate::config::expression::place;
use crate::config::{Expr, Subject};

/// Left of the stack before the next expression gets more: deep nesting must not abort.
const RED_ZONE: usize = 128 * 1024;
const STACK_STEP: usize = 2 * 1024 * 1024;

/// The value of an expression. The result may be unknown or hold unknown and sensitive parts.
pub fn evaluate(expr: &Expr, scope: &dyn Scope) -> Result<Value, Diagnostics> {
    evaluate_with(expr, scope, Locals::default())
}

/// The value of an expression that refers to nothing; functions are allowed.
pub fn constant(expr: &Expr) -> Result<Value, Diagnostics> {
    evaluate(expr, &NoNames)
}

pub fn evaluate_with(expr: &Expr, scope: &dyn Scope, locals: Locals<'_>) -> Result<Value, Diagnostics> {
    let budget = Budget::default();
    let evaluator = Evaluator::new(scope, Origin::source(expr), &budget);
    let node = expr.node();
    let value = evaluator.eval(node, locals)?;
    // What is only passed on was checked where it was made.
    if !matches!(node, Expression::Traversal(_) | Expression::Variable(_)) {
        check_whole(&value).map_err(|limit| evaluator.error(1210, node.span(), limit))?;
    }
    Ok(value)
}

/// Where the text of the tree stands.
#[derive(Clone)]
pub enum Origin {
    Source {
        source: SourceId,
        offset: u32,
    },
    /// A template that is no source of the configuration: errors point at the call that reads it.
    Embedded {
        call: Span,
        name: Arc<str>,
        text: Arc<str>,
    },
}

impl Origin {
    fn source(expr: &Expr) -> Self {
        Self::Source { source: expr.source(), offset: expr.place(Some(0..0)).start }
    }
}

/// One evaluation: the scope, the place, and what may still be made.
pub struct Evaluator<'a> {
    pub scope: &'a dyn Scope,
    pub origin: Origin,
    pub budget: &'a Budget,
    /// Errors will be thrown away: explaining them is wasted.
    pub quiet: bool,
    /// Inside of a template that was read by a function: may not read templates itself.
    pub in_template: bool,
}

impl<'a> Evaluator<'a> {
    pub fn new(scope: &'a dyn Scope, origin: Origin, budget: &'a Budget) -> Self {
        Self { scope, origin, budget, quiet: false, in_template: false }
    }

    /// The same, for an attempt whose errors nobody reads.
    pub fn quietly(&self) -> Evaluator<'a> {
        Evaluator { origin: self.origin.clone(), quiet: true, ..*self }
    }

    pub fn eval(&self, node: &Expression, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        stacker::maybe_grow(RED_ZONE, STACK_STEP, || self.eval_node(node, locals))
    }

    fn eval_node(&self, node: &Expression, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        match node {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(b) => Ok(Value::Bool(*b.value())),
            Expression::Number(n) => number(n).map_err(|e| self.error(1207, node.span(), e)),
            Expression::String(s) => Ok(normal(s.value())),
            Expression::Array(array) => self.array(array, locals),
            Expression::Object(object) => self.object(object, locals),
            Expression::StringTemplate(template) => self.string_template(template, locals),
            Expression::HeredocTemplate(heredoc) => self.heredoc(heredoc, locals),
            Expression::Parenthesis(inner) => self.eval(inner.inner(), locals),
            Expression::Variable(name) => self.traverse(node, name.value().as_str(), &[], locals),
            Expression::Traversal(traversal) => self.traversal(node, traversal, locals),
            Expression::Conditional(conditional) => self.conditional(conditional, locals),
            Expression::FuncCall(call) => self.call(node, call, locals),
            Expression::UnaryOp(op) => self.unary(node, op, locals),
            Expression::BinaryOp(op) => self.binary(node, op, locals),
            Expression::ForExpr(expr) => self.comprehension(node, expr, locals),
        }
    }

    fn array(&self, array: &Array, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        self.spend(array.len(), array.span())?;
        let mut errors = Diagnostics::new();
        let mut items = Vec::with_capacity(array.len());
        for item in array.iter() {
            match self.eval(item, locals) {
                Ok(value) => items.push(value),
                Err(e) => errors.extend(e),
            }
        }
        if errors.has_errors() { Err(errors) } else { Ok(Value::Tuple(Arc::new(items))) }
    }

    fn object(&self, object: &ObjectExpr, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        self.spend(object.len(), object.span())?;
        let mut errors = Diagnostics::new();
        let mut result = Object::new();
        let mut sensitive = false;
        let mut unknown_key = false;
        for (key, value) in object.iter() {
            let value = self.eval(value.expr(), locals);
            match (self.object_key(key, locals), value) {
                (Ok(Some((key, marked))), Ok(value)) => {
                    sensitive |= marked;
                    result.set(key, value);
                }
                (Ok(None), Ok(_)) => unknown_key = true,
                (key, value) => {
                    errors.extend(key.err().unwrap_or_default());
                    errors.extend(value.err().unwrap_or_default());
                }
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        let value = if unknown_key { Value::unknown(Type::Any) } else { Value::from(result) };
        Ok(value.with_sensitivity(sensitive))
    }

    /// The key and whether it is sensitive; none where it is unknown.
    fn object_key(&self, key: &ObjectKey, locals: Locals<'_>) -> Result<Option<(Name, bool)>, Diagnostics> {
        let node = match key {
            ObjectKey::Ident(name) => return Ok(Some((Name::from(name.value().as_str()), false))),
            // Keywords are names here.
            ObjectKey::Expression(Expression::Null(_)) => return Ok(Some((Name::from("null"), false))),
            ObjectKey::Expression(node) => node,
        };
        if matches!(node, Expression::Traversal(_)) {
            return Err(self
                .error(1204, node.span(), "a reference as the key of an object needs parentheses")
                .map_first(|d| {
                    d.detail(
                        "Write it as (name.attribute) = value, or in quotes if the text itself is meant.",
                    )
                }));
        }
        let value = self.eval(node, locals)?;
        self.key_of(&value, node, locals, "the key of an object")
    }

    /// A value as a key of an object or map; none where it is unknown.
    pub fn key_of(
        &self,
        value: &Value,
        node: &Expression,
        locals: Locals<'_>,
        what: &str,
    ) -> Result<Option<(Name, bool)>, Diagnostics> {
        let (plain, sensitive) = value.unmark();
        if plain.is_null() {
            return Err(self.fail(1202, node, locals, format!("{what} is null"), "A key is a string."));
        }
        match convert(plain, &Type::String) {
            Ok(Value::String(name)) => Ok(Some((name, sensitive))),
            Ok(_) => Ok(None),
            Err(e) => {
                Err(self.fail(1204, node, locals, format!("{what} does not fit: {e}"), "A key is a string."))
            }
        }
    }

    /// Takes elements from the budget.
    pub fn spend(&self, elements: usize, part: Option<Range<usize>>) -> Result<(), Diagnostics> {
        self.budget.elements(elements).map_err(|limit| self.error(1210, part, limit))
    }

    pub fn span(&self, part: Option<Range<usize>>) -> Span {
        match &self.origin {
            Origin::Source { source, offset } => place(*source, *offset, part),
            Origin::Embedded { call, .. } => *call,
        }
    }

    /// An error at a part of the tree.
    pub fn error(&self, code: u16, part: Option<Range<usize>>, summary: impl Into<String>) -> Diagnostics {
        self.diagnostic(code, part, summary, "").into()
    }

    pub fn diagnostic(
        &self,
        code: u16,
        part: Option<Range<usize>>,
        summary: impl Into<String>,
        detail: &str,
    ) -> Diagnostic {
        let mut detail = detail.to_owned();
        if let Origin::Embedded { name, text, .. } = &self.origin {
            let at = part.as_ref().map_or(0, |p| p.start).min(text.len());
            let line = text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
            join(&mut detail, &format!("The place is line {line} of {name}."));
        }
        Diagnostic::error(code, summary).at(self.span(part)).detail(detail)
    }

    /// An error of a sub-expression, with the values of the names in it.
    pub fn fail(
        &self,
        code: u16,
        node: &Expression,
        locals: Locals<'_>,
        summary: impl Into<String>,
        advice: impl AsRef<str>,
    ) -> Diagnostics {
        let mut detail = advice.as_ref().to_owned();
        if !self.quiet {
            join(&mut detail, &explain(self, node, locals));
        }
        self.diagnostic(code, node.span(), summary, &detail).into()
    }
}

fn join(detail: &mut String, more: &str) {
    if !detail.is_empty() && !more.is_empty() {
        detail.push(' ');
    }
    detail.push_str(more);
}

/// Changes to a diagnostic that was just made.
pub trait MapFirst {
    fn map_first(self, change: impl FnOnce(Diagnostic) -> Diagnostic) -> Self;
}

impl MapFirst for Diagnostics {
    fn map_first(self, change: impl FnOnce(Diagnostic) -> Diagnostic) -> Self {
        let mut change = Some(change);
        let changed = self.into_iter().map(|d| match change.take() {
            Some(change) => change(d),
            None => d,
        });
        changed.collect()
    }
}

/// The scope of expressions that may not refer to anything.
pub struct NoNames;

impl Scope for NoNames {
    fn value(&self, _: &Subject, span: Span) -> Result<Value, Diagnostic> {
        Err(Diagnostic::error(1105, "no references are possible here")
            .at(span)
            .detail("This value has to be known before anything else is: write it out."))
    }

    fn instance(&self, subject: &Subject, _: &Value, span: Span) -> Result<Value, Diagnostic> {
        self.value(subject, span)
    }

    fn base_dir(&self) -> &Path {
        Path::new(".")
    }

    fn plan_time(&self) -> &str {
        ""
    }
}
