use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::template::{Directive, Element, Template};
use mprov_sdk::{Diagnostic, Diagnostics};

use super::functions::{function, instead_of};
use super::names::{BadName, first_attribute, subject};
use crate::config::{Expr, Reference};

/// What an expression refers to, whatever its values: every part of it counts, also branches that
/// are not taken. Names bound inside of it are not references. Diagnostics tell of names that
/// cannot be references and of functions that do not exist.
pub fn references(expr: &Expr) -> (Vec<Reference>, Diagnostics) {
    let mut found = Found::default();
    collect(expr, &[], &mut found);
    (found.references, found.diagnostics)
}

/// A reference that stands alone: in `depends_on` and `replace_triggered_by`.
pub fn parse_reference(expr: &Expr) -> Result<Reference, Diagnostic> {
    let error =
        |summary: &str, detail: &str| Err(Diagnostic::error(1104, summary).at(expr.span()).detail(detail));
    let (root, operators) = match expr.node() {
        Expression::Variable(name) => (name, [].as_slice()),
        Expression::Traversal(traversal) => match &traversal.expr {
            Expression::Variable(name) => (name, traversal.operators.as_slice()),
            _ => {
                return error("a reference begins with a name", "Write docker_container.web or module.site.");
            }
        },
        Expression::String(text) => {
            let advice = format!("Write {} without quotes.", text.value());
            return error("a reference is not a string", &advice);
        }
        _ => return error("a plain reference is needed here", "Write docker_container.web or module.site."),
    };
    let is_plain = |operator: &TraversalOperator| match operator {
        TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_) => true,
        TraversalOperator::Index(key) => match key {
            Expression::Number(_) | Expression::String(_) => true,
            // Keys of the instance itself are known where instances are made.
            Expression::Traversal(t) => match &t.expr {
                Expression::Variable(name) => matches!(name.value().as_str(), "each" | "count"),
                _ => false,
            },
            _ => false,
        },
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => false,
    };
    if !operators.iter().all(|o| is_plain(o.value())) {
        return error("a plain reference is needed here", "It has names and fixed indices only.");
    }
    let part = root.span().or_else(|| expr.node().span());
    let (subject, used) =
        subject(root.value().as_str(), part, operators, &Vec::new).map_err(|bad| bad_name(expr, bad))?;
    Ok(Reference { subject, attribute: first_attribute(&operators[used..]), span: expr.span() })
}

/// References and diagnostics so far.
#[derive(Default)]
pub struct Found {
    pub references: Vec<Reference>,
    pub diagnostics: Diagnostics,
}

/// Collects from an expression in which the given names are bound.
pub fn collect(expr: &Expr, bound: &[String], found: &mut Found) {
    let mut walk = Walk { expr, bound: bound.to_vec(), found };
    walk.expression(expr.node());
}

fn bad_name(expr: &Expr, bad: BadName) -> Diagnostic {
    Diagnostic::error(1102, bad.summary).at(expr.place(bad.part)).detail(bad.advice)
}

struct Walk<'e> {
    expr: &'e Expr,
    bound: Vec<String>,
    found: &'e mut Found,
}

impl Walk<'_> {
    fn expression(&mut self, node: &Expression) {
        stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || self.visit(node));
    }

    fn visit(&mut self, node: &Expression) {
        match node {
            Expression::Null(_) | Expression::Bool(_) | Expression::Number(_) | Expression::String(_) => {}
            Expression::Array(items) => items.iter().for_each(|item| self.expression(item)),
            Expression::Object(object) => {
                for (key, value) in object.iter() {
                    if let ObjectKey::Expression(key) = key {
                        self.expression(key);
                    }
                    self.expression(value.expr());
                }
            }
            Expression::StringTemplate(template) => self.template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.expression(inner.inner()),
            Expression::Variable(name) => self.name(node, name.value().as_str(), None),
            Expression::Traversal(traversal) => self.traversal(node, traversal),
            Expression::Conditional(c) => {
                self.expression(&c.cond_expr);
                self.expression(&c.true_expr);
                self.expression(&c.false_expr);
            }
            Expression::FuncCall(call) => self.call(call),
            Expression::UnaryOp(op) => self.expression(&op.expr),
            Expression::BinaryOp(op) => {
                self.expression(&op.lhs_expr);
                self.expression(&op.rhs_expr);
            }
            Expression::ForExpr(f) => {
                self.expression(&f.intro.collection_expr);
                let names = f.intro.key_var.iter().chain([&f.intro.value_var]);
                let names: Vec<String> = names.map(|n| n.value().to_string()).collect();
                self.inside(names, |walk| {
                    if let Some(key) = &f.key_expr {
                        walk.expression(key);
                    }
                    walk.expression(&f.value_expr);
                    if let Some(cond) = &f.cond {
                        walk.expression(&cond.expr);
                    }
                });
            }
        }
    }

    fn inside(&mut self, names: Vec<String>, visit: impl FnOnce(&mut Self)) {
        let outer = self.bound.len();
        self.bound.extend(names);
        visit(self);
        self.bound.truncate(outer);
    }

    fn template(&mut self, template: &Template) {
        for element in template.iter() {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(i) => self.expression(&i.expr),
                Element::Directive(directive) => match &**directive {
                    Directive::If(d) => {
                        self.expression(&d.if_expr.cond_expr);
                        self.template(&d.if_expr.template);
                        if let Some(other) = &d.else_expr {
                            self.template(&other.template);
                        }
                    }
                    Directive::For(d) => {
                        self.expression(&d.for_expr.collection_expr);
                        let names = d.for_expr.key_var.iter().chain([&d.for_expr.value_var]);
                        let names: Vec<String> = names.map(|n| n.value().to_string()).collect();
                        self.inside(names, |walk| walk.template(&d.for_expr.template));
                    }
                },
            }
        }
    }

    fn traversal(&mut self, node: &Expression, traversal: &Traversal) {
        match &traversal.expr {
            Expression::Variable(name) => self.name(node, name.value().as_str(), Some(traversal)),
            base => self.expression(base),
        }
        for operator in &traversal.operators {
            if let TraversalOperator::Index(key) = operator.value() {
                self.expression(key);
            }
        }
    }

    fn name(&mut self, node: &Expression, root: &str, traversal: Option<&Traversal>) {
        if self.bound.iter().any(|b| b == root) {
            return;
        }
        let operators = traversal.map_or([].as_slice(), |t| &t.operators);
        let part = traversal.and_then(|t| t.expr.span()).or_else(|| node.span());
        match subject(root, part, operators, &|| self.bound.clone()) {
            Ok((subject, used)) => self.found.references.push(Reference {
                subject,
                attribute: first_attribute(&operators[used..]),
                span: self.expr.place(node.span()),
            }),
            Err(bad) => self.found.diagnostics.push(bad_name(self.expr, bad)),
        }
    }

    fn call(&mut self, call: &FuncCall) {
        let name = call.name.name.value().as_str();
        let namespaced = call.name.namespace.iter().any(|n| n.value().as_str() != "core");
        let problem = match function(name) {
            Some(function) if !namespaced => match call.args.expand_final() {
                true => None,
                false => function.count_problem(call.args.len()).map(|p| {
                    let advice = format!("{}: {}.", function.usage(), function.doc);
                    Diagnostic::error(1205, p).at(self.expr.place(call.span())).detail(advice)
                }),
            },
            _ => {
                let span = self.expr.place(call.name.name.span().or_else(|| call.span()));
                let error = Diagnostic::error(1103, format!("there is no function {name}()"));
                Some(error.at(span).detail(instead_of(name)))
            }
        };
        self.found.diagnostics.extend(problem.into_iter().collect());
        call.args.iter().for_each(|arg| self.expression(arg));
    }
}
