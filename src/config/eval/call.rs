use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall};
use mprov_sdk::{ConvertError, Diagnostics, Type, Unknown, Value, convert};
use std::sync::Arc;

use super::evaluator::Evaluator;
use super::explain::kind;
use super::functions::{Failure, Function, Marks, Param, Run, Surroundings, Unknowns, function, instead_of};
use super::index::unknown_of;
use super::locals::Locals;

/// The arguments of a call as they are given.
enum Arguments {
    Known {
        values: Vec<Value>,
        /// A mark of a list that was spread out.
        sensitive: bool,
    },
    /// The list to spread out is not known.
    Unknown { unknown: Arc<Unknown>, sensitive: bool },
}

/// The arguments of a call, ready for the function.
struct Prepared {
    values: Vec<Value>,
    sensitive: bool,
    /// An unknown that makes the result unknown.
    unknown: Option<Arc<Unknown>>,
}

impl Evaluator<'_> {
    pub(super) fn call(
        &self,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let function = self.resolve_function(call)?;
        let body = match &function.run {
            Run::Values(body) => body,
            Run::Expressions(special) => return self.special(*special, node, call, locals),
        };
        let (values, spread_mark) = match self.arguments(function, call, locals)? {
            Arguments::Known { values, sensitive } => (values, sensitive),
            Arguments::Unknown { unknown, sensitive } => {
                return Ok(unknown_of(function.returns.ty(), &unknown).with_sensitivity(sensitive));
            }
        };
        self.check_count(function, values.len(), call)?;
        let prepared = self.prepare(function, values, call, locals)?;
        let sensitive = prepared.sensitive || spread_mark;
        if let Some(unknown) = prepared.unknown {
            return Ok(unknown_of(function.returns.ty(), &unknown).with_sensitivity(sensitive));
        }
        let surroundings = Surroundings {
            base_dir: self.scope.base_dir(),
            plan_time: self.scope.plan_time(),
            apply_time: self.scope.apply_time(),
        };
        let result = body(&surroundings, &prepared.values).map_err(|failure| {
            let secret = sensitive || prepared.values.iter().any(Value::contains_sensitive);
            self.failed(function, failure, secret, node, call, locals)
        })?;
        self.budget.value(&result).map_err(|limit| self.error(1210, node.span(), limit))?;
        Ok(result.with_sensitivity(sensitive))
    }

    pub(super) fn resolve_function(&self, call: &FuncCall) -> Result<&'static Function, Diagnostics> {
        let name = call.name.name.value().as_str();
        let namespace: Vec<&str> = call.name.namespace.iter().map(|n| n.value().as_str()).collect();
        let part = call.name.name.span().or_else(|| call.span());
        match (namespace.as_slice(), function(name)) {
            ([] | ["core"], Some(function)) => Ok(function),
            ([] | ["core"], None) => {
                let advice = instead_of(name);
                Err(self.diagnostic(1103, part, format!("there is no function {name}()"), &advice).into())
            }
            (namespace, _) => {
                let summary = format!("there is no function {}::{name}()", namespace.join("::"));
                Err(self.diagnostic(1103, part, summary, "Providers have no functions of their own.").into())
            }
        }
    }

    /// The evaluated arguments, a list before `...` spread out.
    fn arguments(
        &self,
        function: &Function,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Arguments, Diagnostics> {
        let mut errors = Diagnostics::new();
        let mut values = Vec::with_capacity(call.args.len());
        for argument in call.args.iter() {
            match self.eval(argument, locals) {
                Ok(value) => values.push(value),
                Err(e) => errors.extend(e),
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        let last = match call.args.expand_final() {
            true => values.pop().zip(call.args.iter().last()),
            false => None,
        };
        let Some((last, node)) = last else { return Ok(Arguments::Known { values, sensitive: false }) };
        let (plain, sensitive) = last.unmark();
        match plain {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
                self.spend(items.len(), node.span())?;
                values.extend(items.iter().cloned());
                Ok(Arguments::Known { values, sensitive })
            }
            Value::Unknown(u) => Ok(Arguments::Unknown { unknown: u.clone(), sensitive }),
            other => {
                let summary = format!("{} stands before ... in {}()", kind(other), function.name);
                Err(self.fail(
                    1201,
                    node,
                    locals,
                    summary,
                    "Only a list, set or tuple becomes several arguments.",
                ))
            }
        }
    }

    pub(super) fn check_count(
        &self,
        function: &Function,
        given: usize,
        call: &FuncCall,
    ) -> Result<(), Diagnostics> {
        match function.count_problem(given) {
            Some(problem) => {
                let advice = format!("{}: {}.", function.usage(), function.doc);
                Err(self.diagnostic(1205, call.span(), problem, &advice).into())
            }
            None => Ok(()),
        }
    }

    fn prepare(
        &self,
        function: &Function,
        given: Vec<Value>,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Prepared, Diagnostics> {
        let mut errors = Diagnostics::new();
        let mut prepared =
            Prepared { values: Vec::with_capacity(given.len()), sensitive: false, unknown: None };
        for (at, value) in given.iter().enumerate() {
            let param = function.param(at).expect("the count was checked");
            let node = call.args.get(at).or_else(|| call.args.iter().last());
            match one(param, value, &mut prepared) {
                Ok(value) => prepared.values.push(value),
                Err(misfit) => {
                    let (code, problem) = match misfit {
                        Misfit::Null => (1202, "is null".to_owned()),
                        // The way to the place inside of the value has keys of it.
                        Misfit::Type(e) if locals.secret() || value.contains_sensitive() => {
                            (1201, format!("does not fit: {}", e.message))
                        }
                        Misfit::Type(e) => (1201, format!("does not fit: {e}")),
                    };
                    let node = node.expect("a value comes from an argument");
                    let summary = format!("argument \"{}\" of {}() {problem}", param.name, function.name);
                    errors.extend(self.fail(code, node, locals, summary, ""));
                }
            }
        }
        if errors.has_errors() { Err(errors) } else { Ok(prepared) }
    }

    pub(super) fn failed(
        &self,
        function: &Function,
        failure: Failure,
        sensitive: bool,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Diagnostics {
        let at = failure.argument.and_then(|at| call.args.get(at).or_else(|| call.args.iter().last()));
        let node = at.unwrap_or(node);
        let code = if failure.limit { 1210 } else { 1206 };
        match sensitive || locals.secret() {
            // The message may quote an argument.
            true => self.fail(
                code,
                node,
                locals,
                format!("{}() failed", function.name),
                "An argument is sensitive, so the reason is not shown. Try the call with a value that is not secret.",
            ),
            false => {
                let summary = format!("{}(): {}", function.name, failure.message);
                self.fail(code, node, locals, summary, failure.advice)
            }
        }
    }
}

/// Why an argument is none for its parameter.
enum Misfit {
    Null,
    Type(ConvertError),
}

/// One argument as its parameter wants it.
fn one(param: &Param, given: &Value, prepared: &mut Prepared) -> Result<Value, Misfit> {
    let (value, sensitive) = match param.marks {
        Marks::Whole => given.unmark_deep(),
        Marks::Elements => {
            let (plain, marked) = given.unmark();
            (plain.clone(), marked)
        }
        Marks::Raw => (given.clone(), false),
    };
    prepared.sensitive |= sensitive;
    if value.is_null() {
        return match param.null {
            true => Ok(value),
            false => Err(Misfit::Null),
        };
    }
    let converted = convert(&value, &param.shape.ty()).map_err(Misfit::Type)?;
    let unknown = match param.unknown {
        Unknowns::Deep => first_unknown(&converted),
        Unknowns::Shallow => match converted.unmark().0 {
            Value::Unknown(u) => Some(u.clone()),
            _ => None,
        },
        Unknowns::Allowed => None,
    };
    if let Some(unknown) = unknown {
        prepared.unknown.get_or_insert(unknown);
    }
    Ok(converted)
}

fn first_unknown(value: &Value) -> Option<Arc<Unknown>> {
    match value {
        Value::Unknown(u) => Some(u.clone()),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => v.iter().find_map(first_unknown),
        Value::Map(o) | Value::Object(o) => o.values().find_map(first_unknown),
        Value::Sensitive(inner) => first_unknown(inner),
        _ => None,
    }
}

impl Evaluator<'_> {
    /// A value that is unknown for the same reason as a part of another, if it has an unknown part.
    pub(super) fn unknown_because(&self, value: &Value, ty: Type) -> Option<Value> {
        first_unknown(value).map(|u| unknown_of(ty, &u))
    }
}
