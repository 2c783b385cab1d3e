use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, Template};
use hcl_edit::visit_mut::{VisitMut, visit_expr_mut};

/// Gives the literals of `<<-` heredocs back the text that was written.
///
/// The parser takes the indentation away itself, but counts it in the outermost literals only and
/// cuts into text where a later literal is indented less. Call it once for each parsed expression,
/// with the text that its spans count in; the evaluation then takes the indentation away.
pub fn restore_heredocs(expression: &mut Expression, text: &str) {
    if text.contains("<<-") {
        Restore { text }.visit_expr_mut(expression);
    }
}

struct Restore<'t> {
    text: &'t str,
}

impl VisitMut for Restore<'_> {
    fn visit_expr_mut(&mut self, node: &mut Expression) {
        let written = node.span().and_then(|span| self.text.get(span));
        let flush = written.is_some_and(|w| w.trim_start().starts_with("<<-"));
        if let Expression::HeredocTemplate(heredoc) = node
            && flush
            && literals(&mut heredoc.template, self.text)
        {
            // The parser itself never sets 0: it says that nothing was taken away yet.
            heredoc.set_indent(0);
        }
        visit_expr_mut(self, node);
    }
}

/// Whether all literals were found in the text.
fn literals(template: &mut Template, text: &str) -> bool {
    let mut found = true;
    for element in template.iter_mut() {
        found &= match element {
            Element::Literal(literal) => {
                let written = literal.span().and_then(|span| text.get(span));
                if let Some(written) = written {
                    *literal.value_mut() = written.replace("$${", "${").replace("%%{", "%{");
                }
                written.is_some()
            }
            Element::Interpolation(_) => true,
            Element::Directive(directive) => match &mut **directive {
                Directive::If(d) => {
                    let other = d.else_expr.as_mut().is_none_or(|e| literals(&mut e.template, text));
                    literals(&mut d.if_expr.template, text) && other
                }
                Directive::For(d) => literals(&mut d.for_expr.template, text),
            },
        };
    }
    found
}
