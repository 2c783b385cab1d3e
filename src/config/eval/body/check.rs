use mprov_sdk::{Diagnostic, Diagnostics, Schema, convert};

use super::dynamic::{generated_name, is_dynamic, parse};
use super::evaluate::mismatch;
use super::slot::{Slot, Slots};
use crate::config::eval::evaluator::constant;
use crate::config::eval::references::references;
use crate::config::eval::suggest::did_you_mean;
use crate::config::{Body, NestedBlock};

/// What can be said about a body without any values: unknown and missing names, arguments written
/// as blocks and the other way round, attributes that the provider alone sets, malformed `dynamic`
/// blocks, and constants of the wrong type.
pub fn static_check_body(body: &Body, schema: &Schema) -> Diagnostics {
    let mut found = Diagnostics::new();
    check(body, Slots::Schema(schema), &mut found);
    check_constants(body, Slots::Schema(schema), &mut found);
    found
}

/// The shape of a body and of the blocks in it.
pub fn check(body: &Body, slots: Slots<'_>, found: &mut Diagnostics) {
    for (name, argument) in &body.arguments {
        let problem = match slots.get(name) {
            None => Some(unknown("argument", name, slots)),
            Some(slot) if !slot.settable => Some(computed(name)),
            Some(slot) if !slot.takes_argument() => Some(is_block(name, &slot)),
            Some(_) => None,
        };
        found.extend(problem.map(|p| p.at(argument.name_span)).into_iter().collect());
    }
    for block in &body.blocks {
        check_block(body, block, slots, found);
    }
    for (name, slot) in slots.iter() {
        let given =
            body.arguments.contains_key(name) || body.blocks.iter().any(|b| generated_name(b) == &**name);
        if slot.required && slot.settable && !given {
            found.push(missing(name, &slot, body));
        }
    }
}

fn check_block(body: &Body, block: &NestedBlock, slots: Slots<'_>, found: &mut Diagnostics) {
    let name = generated_name(block);
    let content = match is_dynamic(block) {
        false => &block.body,
        true => match parse(block) {
            Ok(dynamic) => dynamic.content,
            Err(errors) => return found.extend(errors),
        },
    };
    let Some(slot) = slots.get(name) else {
        return found.push(unknown("block", name, slots).at(block.span));
    };
    if !slot.settable {
        return found.push(computed(name).at(block.span));
    }
    if !slot.takes_blocks() {
        let advice = format!("Write {name} = … with an equals sign.");
        return found.push(
            Diagnostic::error(1305, format!("\"{name}\" is an argument, not a block"))
                .at(block.span)
                .detail(advice),
        );
    }
    if !is_dynamic(block) && !block.labels.is_empty() {
        found.push(
            Diagnostic::error(1302, format!("a block \"{name}\" has no labels"))
                .at(block.span)
                .detail("Remove the words between its name and the brace."),
        );
    }
    if body.arguments.contains_key(name) && slot.takes_argument() {
        found.push(
            Diagnostic::error(1305, format!("\"{name}\" is given both as an argument and as a block"))
                .at(block.span)
                .detail("Keep one of the two."),
        );
    }
    let is_second = !slot.takes_many_blocks()
        && body
            .blocks
            .iter()
            .find(|b| generated_name(b) == name)
            .is_some_and(|first| first.span != block.span);
    if is_second {
        found.push(
            Diagnostic::error(1307, format!("there is more than one block \"{name}\""))
                .at(block.span)
                .detail("At most one is possible."),
        );
    }
    if let Some(inner) = slot.inner() {
        check(content, inner, found);
    }
}

fn unknown(what: &str, name: &str, slots: Slots<'_>) -> Diagnostic {
    let mut advice = did_you_mean(name, slots.names());
    if advice.is_empty() {
        let names: Vec<&str> = slots.names().collect();
        advice = match names.len() {
            0 => "Nothing can be set here.".to_owned(),
            1..=12 => format!("There are: {}.", names.join(", ")),
            _ => String::new(),
        };
    }
    let code = if what == "block" { 1302 } else { 1301 };
    Diagnostic::error(code, format!("there is no {what} \"{name}\" here")).detail(advice)
}

fn computed(name: &str) -> Diagnostic {
    Diagnostic::error(1304, format!("\"{name}\" cannot be set"))
        .detail("The provider sets it; other blocks can refer to it.")
}

fn is_block(name: &str, slot: &Slot<'_>) -> Diagnostic {
    let advice = match slot.takes_many_blocks() {
        true => format!(
            "Write {name} {{ … }} without an equals sign, once for each; or dynamic \"{name}\" {{ … }}."
        ),
        false => format!("Write {name} {{ … }} without an equals sign."),
    };
    Diagnostic::error(1305, format!("\"{name}\" is a block, not an argument")).detail(advice)
}

pub fn missing(name: &str, slot: &Slot<'_>, body: &Body) -> Diagnostic {
    let summary = match slot.takes_argument() {
        true => format!("the argument \"{name}\" is missing"),
        false => format!("a block \"{name}\" is missing"),
    };
    let advice = match slot.takes_argument() {
        true => format!("It is required, and is a {}.", slot.ty),
        false => "It is required.".to_owned(),
    };
    Diagnostic::error(1303, summary).at(body.span).detail(advice)
}

/// Types of arguments that refer to nothing and call nothing.
fn check_constants(body: &Body, slots: Slots<'_>, found: &mut Diagnostics) {
    for (name, argument) in &body.arguments {
        let Some(slot) = slots.get(name).filter(|s| s.settable && s.takes_argument()) else { continue };
        let expr = &argument.expr;
        // Functions may read files, which belongs to planning.
        if calls_or_refers(expr) {
            continue;
        }
        match constant(expr) {
            Ok(value) => {
                if let Err(e) = convert(&value, slot.ty) {
                    found.push(mismatch(name, expr, &e, false));
                }
            }
            Err(errors) => found.extend(errors),
        }
    }
    for block in &body.blocks {
        let inner = slots.get(generated_name(block)).and_then(|slot| slot.inner());
        let content = match is_dynamic(block) {
            true => parse(block).ok().map(|d| d.content),
            false => Some(&block.body),
        };
        if let (Some(inner), Some(content)) = (inner, content) {
            check_constants(content, inner, found);
        }
    }
}

fn calls_or_refers(expr: &crate::config::Expr) -> bool {
    let (found, errors) = references(expr);
    !found.is_empty() || !errors.is_empty() || has_call(expr)
}

/// Whether a function is called anywhere in the expression.
fn has_call(expr: &crate::config::Expr) -> bool {
    use hcl_edit::expr::FuncCall;
    use hcl_edit::visit::{Visit, visit_func_call};
    struct Calls(bool);
    impl Visit for Calls {
        fn visit_func_call(&mut self, call: &FuncCall) {
            self.0 = true;
            visit_func_call(self, call);
        }
    }
    let mut calls = Calls(false);
    calls.visit_expr(expr.node());
    calls.0
}
