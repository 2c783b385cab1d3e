use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, ForDirective, HeredocTemplate, IfDirective, Template};
use mprov_sdk::{Diagnostics, Type, Unknown, Value, convert};
use std::sync::Arc;

use super::comprehension::{Items, bind};
use super::evaluator::Evaluator;
use super::explain::kind;
use super::literal::normal;
use super::locals::{Frame, Locals};
use super::template_text::{Layout, Text};

/// What a template has become so far.
#[derive(Default)]
struct Output {
    text: String,
    unknown: Option<Arc<Unknown>>,
    sensitive: bool,
}

impl Evaluator<'_> {
    pub(super) fn string_template(
        &self,
        template: &Template,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        self.template(template, Layout::Quoted, locals)
    }

    pub(super) fn heredoc(
        &self,
        heredoc: &HeredocTemplate,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        // Where the text was not restored, the parser has taken the indentation away itself.
        let layout = if heredoc.indent() == Some(0) { Layout::Indented } else { Layout::Lines };
        self.template(&heredoc.template, layout, locals)
    }

    /// A template's value: a string, or the raw value of its only interpolation.
    pub(super) fn template(
        &self,
        template: &Template,
        layout: Layout,
        locals: Locals<'_>,
    ) -> Result<Value, Diagnostics> {
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.eval(&only.expr, locals);
        }
        let text = Text::of(template, layout);
        let mut output = Output::default();
        self.elements(template, &text, locals, &mut output)?;
        let value = match output.unknown {
            Some(u) => Value::Unknown(u),
            None => normal(&output.text),
        };
        Ok(value.with_sensitivity(output.sensitive))
    }

    fn elements(
        &self,
        template: &Template,
        text: &Text,
        locals: Locals<'_>,
        output: &mut Output,
    ) -> Result<(), Diagnostics> {
        let mut errors = Diagnostics::new();
        for element in template.iter() {
            let done = match element {
                Element::Literal(literal) => self.append(output, text.get(literal), element),
                Element::Interpolation(i) => self
                    .eval(&i.expr, locals)
                    .and_then(|value| self.interpolate(output, &value, &i.expr, locals, element)),
                Element::Directive(directive) => match &**directive {
                    Directive::If(d) => self.if_directive(d, text, locals, output),
                    Directive::For(d) => self.for_directive(d, text, locals, output),
                },
            };
            errors.extend(done.err().unwrap_or_default());
        }
        if errors.has_errors() { Err(errors) } else { Ok(()) }
    }

    fn append(&self, output: &mut Output, text: &str, element: &Element) -> Result<(), Diagnostics> {
        self.budget.bytes(text.len()).map_err(|limit| self.error(1210, element.span(), limit))?;
        output.text.push_str(text);
        Ok(())
    }

    fn interpolate(
        &self,
        output: &mut Output,
        value: &Value,
        node: &Expression,
        locals: Locals<'_>,
        element: &Element,
    ) -> Result<(), Diagnostics> {
        let (plain, sensitive) = value.unmark();
        output.sensitive |= sensitive;
        if plain.is_null() {
            let advice = "Null has no text: use coalesce(), or a condition that leaves the part out.";
            return Err(self.fail(1202, node, locals, "null stands in a string", advice));
        }
        match convert(plain, &Type::String) {
            Ok(Value::String(text)) => self.append(output, &text, element),
            Ok(unknown) => {
                if let Value::Unknown(u) = unknown {
                    output.unknown.get_or_insert(u);
                }
                Ok(())
            }
            Err(_) => {
                let summary = format!("{} stands in a string", kind(plain));
                let advice = "Only strings, numbers and bools have a text: use join() or jsonencode().";
                Err(self.fail(1213, node, locals, summary, advice))
            }
        }
    }

    fn if_directive(
        &self,
        directive: &IfDirective,
        text: &Text,
        locals: Locals<'_>,
        output: &mut Output,
    ) -> Result<(), Diagnostics> {
        let cond = &directive.if_expr.cond_expr;
        let given = self.eval(cond, locals)?;
        let (condition, sensitive) = self.condition(&given, cond, locals)?;
        output.sensitive |= sensitive;
        match (condition, &directive.else_expr) {
            (Value::Bool(true), _) => self.elements(&directive.if_expr.template, text, locals, output),
            (Value::Bool(false), Some(other)) => self.elements(&other.template, text, locals, output),
            (Value::Unknown(u), _) => {
                output.unknown.get_or_insert(string_from(&u));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn for_directive(
        &self,
        directive: &ForDirective,
        text: &Text,
        locals: Locals<'_>,
        output: &mut Output,
    ) -> Result<(), Diagnostics> {
        let intro = &directive.for_expr;
        let collection = self.eval(&intro.collection_expr, locals)?;
        let (pairs, secret) = match self.items(&collection, &intro.collection_expr, locals)? {
            Items::Known { pairs, sensitive } => {
                output.sensitive |= sensitive;
                (pairs, sensitive)
            }
            Items::Unknown { unknown, sensitive } => {
                output.sensitive |= sensitive;
                output.unknown.get_or_insert(string_from(&unknown));
                return Ok(());
            }
        };
        self.spend(pairs.len(), directive.span())?;
        let key_name = intro.key_var.as_ref().map(|n| n.value().as_str());
        let value_name = intro.value_var.value().as_str();
        for (key, value) in pairs {
            let entries = bind(key_name, value_name, key, value);
            let frame = Frame { entries: &entries, secret, outer: locals };
            self.elements(&intro.template, text, Locals::of(&frame), output)?;
        }
        Ok(())
    }
}

fn string_from(unknown: &Unknown) -> Arc<Unknown> {
    Arc::new(Unknown { ty: Type::String, origin: unknown.origin.clone() })
}
