use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use mprov_sdk::Value;

use super::evaluator::Evaluator;
use super::locals::Locals;

/// Names whose values are told.
const NAMES: usize = 4;
/// Characters of a value that are worth showing.
const WIDTH: usize = 60;

/// The values of the names in a failed expression: `Here var.size is "big".` Only what is short,
/// known and not sensitive.
pub fn explain(evaluator: &Evaluator<'_>, node: &Expression, locals: Locals<'_>) -> String {
    if locals.secret() {
        return String::new();
    }
    let mut found = Vec::new();
    collect(node, &mut found);
    let quiet = evaluator.quietly();
    let mut told: Vec<String> = Vec::new();
    for (name, node) in found {
        let Ok(value) = quiet.eval(node, locals) else { continue };
        let Some(text) = short(&value) else { continue };
        let sentence = format!("{name} is {text}");
        if !told.contains(&sentence) && told.len() < NAMES {
            told.push(sentence);
        }
    }
    if told.is_empty() { String::new() } else { format!("Here {}.", told.join(", ")) }
}

/// References in the expression that read as plain names.
fn collect<'e>(node: &'e Expression, found: &mut Vec<(String, &'e Expression)>) {
    if found.len() >= 4 * NAMES {
        return;
    }
    match node {
        Expression::Variable(name) => found.push((name.value().to_string(), node)),
        Expression::Traversal(traversal) => match written(traversal) {
            Some(name) => found.push((name, node)),
            None => {
                collect(&traversal.expr, found);
                for operator in &traversal.operators {
                    if let TraversalOperator::Index(key) = operator.value() {
                        collect(key, found);
                    }
                }
            }
        },
        Expression::Parenthesis(inner) => collect(inner.inner(), found),
        Expression::UnaryOp(op) => collect(&op.expr, found),
        Expression::BinaryOp(op) => {
            collect(&op.lhs_expr, found);
            collect(&op.rhs_expr, found);
        }
        Expression::Conditional(c) => {
            collect(&c.cond_expr, found);
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|arg| collect(arg, found)),
        _ => {}
    }
}

/// The traversal as text, where it has names and numbers only.
fn written(traversal: &Traversal) -> Option<String> {
    let Expression::Variable(root) = &traversal.expr else { return None };
    let mut text = root.value().to_string();
    for operator in &traversal.operators {
        match operator.value() {
            TraversalOperator::GetAttr(name) => text += &format!(".{}", name.value()),
            TraversalOperator::LegacyIndex(index) => text += &format!("[{}]", index.value()),
            TraversalOperator::Index(Expression::Number(n)) => text += &format!("[{}]", n.value()),
            TraversalOperator::Index(Expression::String(s)) => text += &format!("[{:?}]", s.value()),
            _ => return None,
        }
    }
    Some(text)
}

/// The value in the words of the language, or none where it is long, secret or unknown.
pub fn short(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) if s.len() <= WIDTH => format!("{:?}", &**s),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) if v.len() <= WIDTH / 2 => {
            let items: Option<Vec<String>> = v.iter().map(short).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(o) | Value::Object(o) if o.len() <= WIDTH / 4 => {
            let items: Option<Vec<String>> =
                o.iter().map(|(k, v)| short(v).map(|v| format!("{k} = {v}"))).collect();
            format!("{{{}}}", items?.join(", "))
        }
        _ => return None,
    };
    (text.chars().count() <= WIDTH).then_some(text)
}

/// The kind of a value for messages, never its content.
pub fn kind(value: &Value) -> &'static str {
    match value.unmark().0 {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Tuple(_) => "a tuple",
        Value::Map(_) => "a map",
        Value::Object(_) => "an object",
        Value::Unknown(_) => "a value that is not known yet",
        Value::Sensitive(_) => "a sensitive value",
    }
}
