use mprov_sdk::{Diagnostic, Diagnostics, Name, Span};

use crate::config::load::parse::Block;

/// The labels of a block, one for each of the descriptions; none, with an error, where they are too
/// few, too many or no names.
pub fn labels<const N: usize>(
    block: &Block,
    descriptions: [&str; N],
    diagnostics: &mut Diagnostics,
) -> Option<[(Name, Span); N]> {
    let kind = &block.kind;
    if block.labels.len() != N {
        let form: String = descriptions.iter().map(|d| format!(" \"{d}\"")).collect();
        let problem = match (block.labels.len() < N, N) {
            (_, 0) => "takes no label".to_owned(),
            (true, _) => format!("is missing its {}", descriptions[block.labels.len()]),
            (false, _) => "has too many labels".to_owned(),
        };
        diagnostics.push(
            Diagnostic::error(1012, format!("this {kind} block {problem}"))
                .at(block.body.span)
                .detail(format!("Its header is {kind}{form} {{.")),
        );
        return None;
    }
    let labels: [(Name, Span); N] = block.labels.clone().try_into().expect("the count was compared");
    let before = diagnostics.len();
    for (name, span) in &labels {
        if !is_name(name) {
            diagnostics.push(bad_name(name, *span));
        }
    }
    (diagnostics.len() == before).then_some(labels)
}

/// Whether references can name it.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn bad_name(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(1018, format!("\"{name}\" is not a name"))
        .at(span)
        .detail("A name begins with a letter or underscore; letters, digits, underscores and dashes follow.")
}

pub fn duplicate(what: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(1340, format!("{what} is declared twice"))
        .at(span)
        .here("declared again")
        .label(first, "first declared here")
        .detail("Rename or remove one of the two; all files of a folder are one module.")
}
