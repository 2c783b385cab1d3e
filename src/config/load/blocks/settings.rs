use mprov_sdk::{Diagnostic, Diagnostics};

use super::fields::Fields;
use super::name::labels;
use crate::config::Module;
use crate::config::load::parse::Block;
use crate::config::load::version::Constraint;

/// The `mprov` block.
pub fn settings(block: Block, module: &mut Module, diagnostics: &mut Diagnostics) {
    if labels(&block, [], diagnostics).is_none() {
        return;
    }
    let mut fields = Fields::new("an mprov block", block.body, diagnostics);
    let required = fields.text("required_version");
    for inner in fields.blocks("required_providers") {
        fields.diagnostics.push(
            Diagnostic::error(1015, "providers are part of mprov")
                .at(inner.span)
                .detail("Remove the block; required_version says which mprov, and with it which providers."),
        );
    }
    fields.finish();
    let Some((text, span)) = required else { return };
    let own = env!("CARGO_PKG_VERSION");
    match text.parse::<Constraint>() {
        Err(reason) => diagnostics.push(
            Diagnostic::error(1016, format!("\"{text}\" is not a version constraint: {reason}"))
                .at(span)
                .detail("Write it as in \">= 0.1.0\", \"~> 0.1\" or \">= 0.1, < 2.0\"."),
        ),
        Ok(constraint) if !constraint.allows(own) => diagnostics.push(
            Diagnostic::error(
                1017,
                format!("this is mprov {own}, but the configuration asks for \"{text}\""),
            )
            .at(span)
            .detail(
                "Use a version that fits, or change required_version if the configuration is known to work.",
            ),
        ),
        Ok(_) => {}
    }
    module.settings.required_version = Some((text, span));
}
