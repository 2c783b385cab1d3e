use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall};
use hcl_edit::parser::parse_template;
use mprov_sdk::{Diagnostic, Diagnostics, Type, Value};

use super::evaluator::{Evaluator, NoNames, Origin};
use super::functions::{Function, Special, Surroundings, read_text};
use super::locals::{Frame, Locals};
use super::template_text::Layout;

/// Functions whose arguments are expressions, not values.
impl Evaluator<'_> {
    pub(super) fn special(
        &self,
        special: Special,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let function = self.resolve_function(call)?;
        self.check_count(function, call.args.len(), call)?;
        if call.args.expand_final() {
            return Err(self.error(1205, call.span(), format!("{}() takes no ...", function.name)));
        }
        match special {
            Special::Try => self.first_that_works(call, locals),
            Special::Can => self.can(call, locals),
            Special::TemplateFile => self.template_file(function, node, call, locals),
            Special::TemplateString => self.template_in_value(node, call, locals),
        }
    }

    fn first_that_works(&self, call: &FuncCall, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        let mut reasons = Vec::new();
        for argument in call.args.iter() {
            match self.quietly().eval(argument, locals) {
                // It may still fail when the unknown part is known.
                Ok(value) => return Ok(self.unknown_because(&value, Type::Any).unwrap_or(value)),
                Err(errors) if errors.iter().any(|d| d.code.0 == 1210) => return Err(errors),
                Err(errors) => reasons.extend(errors.into_iter().map(|d| d.summary)),
            }
        }
        let detail = format!("The arguments failed with: {}.", reasons.join("; "));
        Err(self
            .diagnostic(1206, call.span(), "try(): none of the arguments can be evaluated", &detail)
            .into())
    }

    fn can(&self, call: &FuncCall, locals: Locals<'_>) -> Result<Value, Diagnostics> {
        let Some(argument) = call.args.get(0) else { return Ok(Value::Bool(false)) };
        match self.quietly().eval(argument, locals) {
            Ok(value) => Ok(self.unknown_because(&value, Type::Bool).unwrap_or(Value::Bool(true))),
            Err(errors) if errors.iter().any(|d| d.code.0 == 1210) => Err(errors),
            Err(_) => Ok(Value::Bool(false)),
        }
    }

    fn template_file(
        &self,
        function: &Function,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let path_node = call.args.get(0).expect("the count was checked");
        let path = self.eval(path_node, locals)?;
        let (plain, sensitive) = path.unmark();
        if let Value::Unknown(_) = plain {
            return Ok(Value::unknown(Type::Any).with_sensitivity(sensitive));
        }
        let Some(path) = plain.as_str() else {
            return Err(self.fail(
                1201,
                path_node,
                locals,
                "argument \"path\" of templatefile() is no string",
                "",
            ));
        };
        let surroundings = Surroundings {
            base_dir: self.scope.base_dir(),
            plan_time: self.scope.plan_time(),
            apply_time: self.scope.apply_time(),
        };
        let text = read_text(&surroundings, path)
            .map_err(|failure| self.failed(function, failure, sensitive, node, call, locals))?;
        let name = if sensitive || locals.secret() { "the template" } else { path };
        let value = self.embedded_template(name.into(), text, node, call, locals)?;
        Ok(value.with_sensitivity(sensitive))
    }

    fn template_in_value(
        &self,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        let source = call.args.get(0).expect("the count was checked");
        if !matches!(source, Expression::Traversal(_) | Expression::Variable(_)) {
            return Err(self
                .diagnostic(
                    1206,
                    source.span(),
                    "templatestring() takes its template from a reference",
                    "A template that is known here can be written directly, as \"… ${…}\".",
                )
                .into());
        }
        let template = self.eval(source, locals)?;
        let (plain, sensitive) = template.unmark();
        let text = match plain {
            Value::Unknown(_) => return Ok(Value::unknown(Type::Any).with_sensitivity(sensitive)),
            Value::String(text) => text.clone(),
            _ => {
                return Err(self.fail(
                    1201,
                    source,
                    locals,
                    "the template of templatestring() is no string",
                    "",
                ));
            }
        };
        let value = self.embedded_template("the template".into(), text, node, call, locals)?;
        Ok(value.with_sensitivity(sensitive))
    }

    /// A template that is not part of the configuration, with the second argument as its names.
    fn embedded_template(
        &self,
        name: Arc<str>,
        text: Arc<str>,
        node: &Expression,
        call: &FuncCall,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        if self.in_template {
            let summary = "a template that was read by a function cannot read templates itself";
            return Err(self.error(1206, node.span(), summary));
        }
        let vars_node = call.args.get(1).expect("the count was checked");
        let vars = self.eval(vars_node, locals)?;
        let (plain, sensitive) = vars.unmark();
        let vars = match plain {
            Value::Unknown(_) => return Ok(Value::unknown(Type::Any).with_sensitivity(sensitive)),
            Value::Map(o) | Value::Object(o) => o,
            _ => {
                let summary = "the second argument holds the names of the template and is an object or map";
                return Err(self.fail(1201, vars_node, locals, summary, ""));
            }
        };
        let span = self.span(node.span());
        let template = parse_template(&text).map_err(|e| {
            let place = format!("line {}, column {}", e.location().line(), e.location().column());
            Diagnostic::error(1206, format!("{name} is not a template: {}", e.message()))
                .at(span)
                .detail(format!("The place is {place} of {name}. A literal \"${{\" is written \"$${{\"."))
        })?;
        let entries: Vec<(&str, Value)> = vars.iter().map(|(k, v)| (&**k, v.clone())).collect();
        let frame = Frame { entries: &entries, secret: sensitive, outer: Locals::default() };
        let inner = Evaluator {
            scope: &TemplateNames { outer: self.scope },
            origin: Origin::Embedded { call: span, name, text: text.clone() },
            budget: self.budget,
            quiet: self.quiet,
            in_template: true,
        };
        Ok(inner.template(&template, Layout::Lines, Locals::of(&frame))?.with_sensitivity(sensitive))
    }
}

/// The scope inside a template: its own names only, but the same files and times.
struct TemplateNames<'a> {
    outer: &'a dyn super::Scope,
}

impl super::Scope for TemplateNames<'_> {
    fn value(&self, subject: &crate::config::Subject, span: mprov_sdk::Span) -> Result<Value, Diagnostic> {
        NoNames.value(subject, span).map_err(|_| {
            Diagnostic::error(1105, "a template sees only the names that are given to it")
                .at(span)
                .detail("Give the value in the second argument of the function, under a name of its own.")
        })
    }

    fn instance(
        &self,
        subject: &crate::config::Subject,
        _: &Value,
        span: mprov_sdk::Span,
    ) -> Result<Value, Diagnostic> {
        self.value(subject, span)
    }

    fn base_dir(&self) -> &std::path::Path {
        self.outer.base_dir()
    }

    fn plan_time(&self) -> &str {
        self.outer.plan_time()
    }

    fn apply_time(&self) -> Option<&str> {
        self.outer.apply_time()
    }
}
