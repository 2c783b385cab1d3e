use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::{Decorated, Span as _};
use mprov_sdk::{Diagnostics, Value};

use super::evaluator::{Evaluator, Origin};
use super::index::{attribute, element};
use super::locals::Locals;
use super::names::{BadName, subject};
use crate::config::Subject;

impl Evaluator<'_> {
    pub(super) fn traversal(
        &self,
        node: &Expression,
        traversal: &Traversal,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        match &traversal.expr {
            Expression::Variable(name) => {
                self.traverse(node, name.value().as_str(), &traversal.operators, locals)
            }
            base => {
                let value = self.eval(base, locals)?;
                self.follow(value, node, &traversal.operators, locals)
            }
        }
    }

    /// A name and what follows it.
    pub(super) fn traverse(
        &self,
        node: &Expression,
        root: &str,
        operators: &[Decorated<TraversalOperator>],
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        if let Some(value) = locals.get(root) {
            return self.follow(value.clone(), node, operators, locals);
        }
        let root_part = match node {
            Expression::Traversal(traversal) => traversal.expr.span(),
            node => node.span(),
        };
        let bound = || locals.names().into_iter().map(str::to_owned).collect();
        let (subject, used) =
            subject(root, root_part, operators, &bound).map_err(|bad| self.bad_name(bad, locals))?;
        let rest = &operators[used..];
        let span = self.span(node.span());
        let repeats = matches!(subject, Subject::Resource(_) | Subject::Module(_));
        // One instance of a repeated block, without making the collection of all.
        let key = match rest.first().map(Decorated::value) {
            Some(TraversalOperator::Index(key)) if repeats => Some(self.eval(key, locals)?),
            Some(TraversalOperator::LegacyIndex(index)) if repeats => {
                Some(Value::from(legacy(*index.value())))
            }
            _ => None,
        };
        let (value, rest) = match key {
            Some(key) => {
                let key = key.with_sensitivity(locals.secret());
                (self.scope.instance(&subject, &key, span), &rest[1..])
            }
            None => (self.scope.value(&subject, span), rest),
        };
        self.follow(value?, node, rest, locals)
    }

    fn bad_name(&self, bad: BadName, locals: Locals<'_>) -> Diagnostics {
        let advice = match &self.origin {
            Origin::Embedded { .. } => format!("The template is given: {}.", locals.names().join(", ")),
            Origin::Source { .. } => bad.advice,
        };
        self.diagnostic(1102, bad.part, bad.summary, &advice).into()
    }

    /// Applies attribute accesses, indices and splats to a value.
    pub(super) fn follow(
        &self,
        mut value: Value,
        node: &Expression,
        operators: &[Decorated<TraversalOperator>],
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        for (at, operator) in operators.iter().enumerate() {
            value = match operator.value() {
                TraversalOperator::FullSplat(_) => {
                    return self.full_splat(&value, node, &operators[at..], locals);
                }
                TraversalOperator::AttrSplat(_) => {
                    return self.attribute_splat(&value, node, &operators[at..], locals);
                }
                _ => self.step(&value, node, operator, locals)?,
            };
        }
        Ok(value)
    }

    /// One attribute access or index.
    pub(super) fn step(
        &self,
        value: &Value,
        node: &Expression,
        operator: &Decorated<TraversalOperator>,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let part = operator.span().or_else(|| node.span());
        let found = match operator.value() {
            TraversalOperator::GetAttr(name) => attribute(value, name.value().as_str()),
            TraversalOperator::LegacyIndex(index) => element(value, &Value::from(legacy(*index.value()))),
            TraversalOperator::Index(key) => element(value, &self.eval(key, locals)?),
            TraversalOperator::FullSplat(_) | TraversalOperator::AttrSplat(_) => {
                unreachable!("splats are followed as a whole")
            }
        };
        found.map_err(|absent| {
            let absent = if locals.secret() { absent.hidden() } else { absent };
            let mut errors = self.fail(absent.code, node, locals, absent.summary, absent.advice);
            if let Some(part) = part {
                let span = self.span(Some(part));
                errors = errors.into_iter().map(|d| d.at(span)).collect();
            }
            errors
        })
    }
}

/// The index of `list.0`.
fn legacy(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
