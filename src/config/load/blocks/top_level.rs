use mprov_sdk::{Diagnostic, Diagnostics, Mode, Span};

use super::call::{PendingCall, call};
use super::name::duplicate;
use super::{moved, provider, resource, settings, values, variable};
use crate::config::Module;
use crate::config::eval::did_you_mean;
use crate::config::load::header::BLOCK_TYPES;
use crate::config::load::parse::{Block, Parsed};

/// Takes the blocks of all files of a folder into one module.
#[derive(Debug, Default)]
pub struct Builder {
    pub module: Module,
    /// The calls, in the order of their files.
    pub calls: Vec<PendingCall>,
    /// A block had to be left out: references to what it declares are not to blame.
    pub incomplete: bool,
}

impl Builder {
    /// `text` is the file that was parsed.
    pub fn file(&mut self, parsed: Parsed, text: &str, diagnostics: &mut Diagnostics) {
        for (name, argument) in &parsed.arguments {
            diagnostics.push(
                Diagnostic::error(1011, format!("the argument \"{name}\" stands outside of all blocks"))
                    .at(argument.name_span)
                    .detail(
                        "Named values belong into a locals block, values of variables into \
                        mprov.mprovvars.hcl.",
                    ),
            );
        }
        self.incomplete |= !parsed.complete;
        for block in parsed.blocks {
            let (kind, known) = (block.kind.clone(), self.declared());
            self.block(block, text, diagnostics);
            let declares_nothing = matches!(&*kind, "mprov" | "locals" | "moved");
            self.incomplete |= !declares_nothing && self.declared() == known;
        }
    }

    /// How many things the module declares with a block of their own.
    fn declared(&self) -> usize {
        let module = &self.module;
        module.variables.len()
            + module.outputs.len()
            + module.resources.len()
            + module.providers.len()
            + self.calls.len()
    }

    fn block(&mut self, block: Block, text: &str, diagnostics: &mut Diagnostics) {
        let module = &mut self.module;
        match &*block.kind {
            "mprov" => settings::settings(block, module, diagnostics),
            "variable" => variable::variable(block, module, diagnostics),
            "locals" => values::locals(block, module, diagnostics),
            "output" => values::output(block, module, diagnostics),
            "resource" => resource::resource(block, Mode::Managed, module, diagnostics),
            "data" => resource::resource(block, Mode::Data, module, diagnostics),
            "provider" => provider::provider(block, module, diagnostics),
            "moved" => moved::moved(block, text, module, diagnostics),
            "module" => self.call(block, diagnostics),
            _ => diagnostics.push(unknown(&block)),
        }
    }

    fn call(&mut self, block: Block, diagnostics: &mut Diagnostics) {
        let Some(call) = call(block, diagnostics) else { return };
        match self.calls.iter().find(|first| first.name == call.name) {
            Some(first) => {
                diagnostics.push(duplicate(&format!("module \"{}\"", call.name), call.span, first.span))
            }
            None => self.calls.push(call),
        }
    }
}

fn unknown(block: &Block) -> Diagnostic {
    let kind = &*block.kind;
    let advice = match kind {
        "terraform" => "The settings block is called mprov here.".to_owned(),
        "removed" | "import" | "check" | "ephemeral" => {
            "mprov does not know it yet; every other block of the configuration works without it.".to_owned()
        }
        "local" => "The block is called locals.".to_owned(),
        _ => match did_you_mean(kind, BLOCK_TYPES) {
            near if near.is_empty() => {
                format!("The blocks of a configuration are {}.", BLOCK_TYPES.join(", "))
            }
            near => near,
        },
    };
    let span: Span = block.kind_span;
    Diagnostic::error(1011, format!("there is no block type \"{kind}\"")).at(span).detail(advice)
}
