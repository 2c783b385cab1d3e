use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOp, BinaryOperator, Conditional, Expression, UnaryOp, UnaryOperator};
use mprov_sdk::{Diagnostics, Number, Type, Value, convert};

use super::equality::compare;
use super::evaluator::Evaluator;
use super::explain::kind;
use super::functions::unify_types;
use super::index::unknown_of;
use super::locals::Locals;

impl Evaluator<'_> {
    pub(super) fn unary(
        &self,
        node: &Expression,
        op: &UnaryOp,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let given = self.eval(&op.expr, locals)?;
        let (ty, sign) = match op.operator.value() {
            UnaryOperator::Neg => (Type::Number, "-"),
            UnaryOperator::Not => (Type::Bool, "!"),
        };
        let (operand, sensitive) = self.operand(&given, &ty, &op.expr, sign, locals)?;
        let result = match operand {
            Value::Bool(b) => Value::Bool(!b),
            Value::Number(n) => {
                Value::Number(n.neg().map_err(|e| self.fail(1207, node, locals, e.to_string(), ""))?)
            }
            unknown => unknown,
        };
        Ok(result.with_sensitivity(sensitive))
    }

    pub(super) fn binary(
        &self,
        node: &Expression,
        op: &BinaryOp,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let operator = *op.operator.value();
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            return self.logical(op, operator == BinaryOperator::Or, locals);
        }
        let (left, right) = match (self.eval(&op.lhs_expr, locals), self.eval(&op.rhs_expr, locals)) {
            (Ok(left), Ok(right)) => (left, right),
            (left, right) => {
                let mut errors = left.err().unwrap_or_default();
                errors.extend(right.err().unwrap_or_default());
                return Err(errors);
            }
        };
        if matches!(operator, BinaryOperator::Eq | BinaryOperator::NotEq) {
            return Ok(compare(&left, &right, operator == BinaryOperator::NotEq));
        }
        let sign = operator.as_str();
        let (a, a_marked) = self.operand(&left, &Type::Number, &op.lhs_expr, sign, locals)?;
        let (b, b_marked) = self.operand(&right, &Type::Number, &op.rhs_expr, sign, locals)?;
        let result = match (&a, &b) {
            (Value::Number(a), Value::Number(b)) => {
                arithmetic(operator, a, b).map_err(|e| self.fail(1207, node, locals, e.to_string(), ""))
            }
            (Value::Unknown(u), _) | (_, Value::Unknown(u)) => Ok(unknown_of(result_type(operator), u)),
            _ => unreachable!("operands are numbers or unknown"),
        };
        Ok(result?.with_sensitivity(a_marked || b_marked))
    }

    /// `&&` and `||`. The right side is not evaluated where the left one decides, and an unknown
    /// side does not matter where the other one decides.
    fn logical(&self, op: &BinaryOp, decisive: bool, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        let sign = if decisive { "||" } else { "&&" };
        let left = self.eval(&op.lhs_expr, locals)?;
        let (a, a_marked) = self.operand(&left, &Type::Bool, &op.lhs_expr, sign, locals)?;
        if a == Value::Bool(decisive) {
            return Ok(a.with_sensitivity(a_marked));
        }
        let right = self.eval(&op.rhs_expr, locals)?;
        let (b, b_marked) = self.operand(&right, &Type::Bool, &op.rhs_expr, sign, locals)?;
        let result = match (a, b) {
            (Value::Bool(_), b) => b,
            (_, Value::Bool(b)) if b == decisive => Value::Bool(decisive),
            (unknown, _) => unknown,
        };
        Ok(result.with_sensitivity(a_marked || b_marked))
    }

    /// An operand as the type that the operator works on, without its mark.
    fn operand(
        &self,
        value: &Value,
        ty: &Type,
        node: &Expression,
        sign: &str,
        locals: Locals<'_>,
    ) -> Result<(Value, bool), Diagnostics> {
        let (plain, sensitive) = value.unmark();
        if plain.is_null() {
            return Err(self.fail(1202, node, locals, format!("an operand of {sign} is null"), ""));
        }
        match convert(plain, ty) {
            Ok(operand) => Ok((operand, sensitive)),
            Err(_) => {
                let summary = format!("{sign} works on a {ty}, but this is {}", kind(plain));
                Err(self.fail(1201, node, locals, summary, ""))
            }
        }
    }

    pub(super) fn conditional(&self, c: &Conditional, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        let given = self.eval(&c.cond_expr, locals)?;
        let (condition, sensitive) = self.condition(&given, &c.cond_expr, locals)?;
        let (chosen, other) = match condition {
            Value::Bool(false) => (&c.false_expr, &c.true_expr),
            _ => (&c.true_expr, &c.false_expr),
        };
        let chosen = self.eval(chosen, locals)?;
        let other = match &condition {
            Value::Unknown(_) => self.eval(other, locals)?,
            // Its errors do not matter, since it is not chosen; its type does.
            _ => self.quietly().eval(other, locals).unwrap_or_else(|_| Value::unknown(Type::Any)),
        };
        let ty = match result_of_both(&chosen, &other) {
            Some(ty) => ty,
            None => {
                let summary = "the two results of a condition have types that do not fit together";
                let (a, b) = (name_type(&chosen, locals), name_type(&other, locals));
                return Err(self
                    .diagnostic(1208, c.span(), summary, &format!("One is {a}, the other is {b}."))
                    .into());
            }
        };
        let result = match &condition {
            Value::Unknown(u) => unknown_of(ty, u),
            _ => convert(&chosen, &ty).map_err(|e| self.error(1208, c.span(), e.message))?,
        };
        // As in Terraform, a mark of either result counts, whichever is chosen.
        let sensitive = sensitive || chosen.unmark().1 || other.unmark().1;
        Ok(result.with_sensitivity(sensitive))
    }

    /// A condition as a bool or an unknown, without its mark.
    pub(super) fn condition(
        &self,
        value: &Value,
        node: &Expression,
        locals: Locals<'_>,
    ) -> Result<(Value, bool), Diagnostics> {
        let (plain, sensitive) = value.unmark();
        if plain.is_null() {
            return Err(self.fail(
                1202,
                node,
                locals,
                "the condition is null",
                "It has to be true or false.",
            ));
        }
        match convert(plain, &Type::Bool) {
            Ok(condition) => Ok((condition, sensitive)),
            Err(_) => {
                let summary = format!("the condition is {}", kind(plain));
                Err(self.fail(1201, node, locals, summary, "It has to be true or false."))
            }
        }
    }
}

/// The type that both results of a conditional become; `any` where nothing has to be converted.
fn result_of_both(a: &Value, b: &Value) -> Option<Type> {
    match (a.unmark().0, b.unmark().0) {
        (Value::Null, Value::Null) => Some(Type::Any),
        (Value::Bool(_), Value::Bool(_)) => Some(Type::Bool),
        (Value::Number(_), Value::Number(_)) => Some(Type::Number),
        (Value::String(_), Value::String(_)) => Some(Type::String),
        (a, b) => unify_types([a.ty(), b.ty()]),
    }
}

/// The type for people; only the kind where the names in it are secret or many.
fn name_type(value: &Value, locals: Locals<'_>) -> String {
    if locals.secret() || value.contains_sensitive() {
        return kind(value).to_owned();
    }
    let name = value.ty().to_string();
    if name.chars().count() <= 80 { name } else { kind(value).to_owned() }
}

fn result_type(operator: BinaryOperator) -> Type {
    match operator {
        BinaryOperator::Less
        | BinaryOperator::LessEq
        | BinaryOperator::Greater
        | BinaryOperator::GreaterEq => Type::Bool,
        _ => Type::Number,
    }
}

fn arithmetic(operator: BinaryOperator, a: &Number, b: &Number) -> Result<Value, mprov_sdk::NumberError> {
    Ok(match operator {
        BinaryOperator::Plus => a.add(b)?.into(),
        BinaryOperator::Minus => a.sub(b)?.into(),
        BinaryOperator::Mul => a.mul(b)?.into(),
        BinaryOperator::Div => a.div(b)?.into(),
        BinaryOperator::Mod => a.rem(b)?.into(),
        BinaryOperator::Less => (a < b).into(),
        BinaryOperator::LessEq => (a <= b).into(),
        BinaryOperator::Greater => (a > b).into(),
        BinaryOperator::GreaterEq => (a >= b).into(),
        BinaryOperator::Eq | BinaryOperator::NotEq | BinaryOperator::And | BinaryOperator::Or => {
            unreachable!("handled before")
        }
    })
}
