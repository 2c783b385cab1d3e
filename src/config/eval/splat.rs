use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::{Decorated, Span as _};
use mprov_sdk::{Diagnostics, Type, Value};

use super::evaluator::Evaluator;
use super::index::unknown_of;
use super::locals::{Frame, Locals};

impl Evaluator<'_> {
    /// `value[*]…`: everything that follows is applied to each element. The first operator is the
    /// splat itself.
    pub(super) fn full_splat(
        &self,
        value: &Value,
        node: &Expression,
        operators: &[Decorated<TraversalOperator>],
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let rest = &operators[1..];
        let frame = Frame { entries: &[], secret: value.unmark().1, outer: locals };
        let locals = Locals::of(&frame);
        self.splat(value, operators, &|item| self.follow(item, node, rest, locals))
    }

    /// `value.*…`: only the attributes that follow are applied to each element, what comes behind
    /// them to the result as a whole.
    pub(super) fn attribute_splat(
        &self,
        value: &Value,
        node: &Expression,
        operators: &[Decorated<TraversalOperator>],
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let of_each = |o: &&Decorated<TraversalOperator>| {
            matches!(o.value(), TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_))
        };
        let count = operators[1..].iter().take_while(of_each).count();
        let (each, rest) = operators[1..].split_at(count);
        let frame = Frame { entries: &[], secret: value.unmark().1, outer: locals };
        let inner = Locals::of(&frame);
        let all = self.splat(value, operators, &|item| self.follow(item, node, each, inner))?;
        self.follow(all, node, rest, locals)
    }

    fn splat(
        &self,
        value: &Value,
        operators: &[Decorated<TraversalOperator>],
        apply: &dyn Fn(Value) -> Result<Value, Diagnostics>,
    ) -> Result<Value, Diagnostics> {
        let (plain, sensitive) = value.unmark();
        let result = match plain {
            Value::Null => Value::tuple([]),
            Value::List(items) | Value::Set(items) => Value::list(self.each(items, operators, apply)?),
            Value::Tuple(items) => Value::tuple(self.each(items, operators, apply)?),
            // What is not known may still turn out to be null or a list, whatever its type says.
            Value::Unknown(u) => match &u.ty {
                Type::List(element) | Type::Set(element) => {
                    let each = apply(unknown_of((**element).clone(), u))?;
                    unknown_of(Type::list(each.ty()), u)
                }
                Type::Tuple(types) => {
                    let items = types.iter().map(|ty| apply(unknown_of(ty.clone(), u)));
                    let items = items.collect::<Result<Vec<_>, _>>()?;
                    unknown_of(Type::Tuple(items.iter().map(Value::ty).collect()), u)
                }
                _ => unknown_of(Type::Any, u),
            },
            single => Value::tuple([apply(single.clone())?]),
        };
        Ok(result.with_sensitivity(sensitive))
    }

    fn each(
        &self,
        items: &[Value],
        operators: &[Decorated<TraversalOperator>],
        apply: &dyn Fn(Value) -> Result<Value, Diagnostics>,
    ) -> Result<Vec<Value>, Diagnostics> {
        self.spend(items.len(), operators.first().and_then(|o| o.span()))?;
        items.iter().map(|item| apply(item.clone())).collect()
    }
}
