use std::ops::Range;

use hcl_edit::expr::TraversalOperator;
use hcl_edit::{Decorated, Span as _};
use mprov_sdk::Name;

use super::suggest::nearest;
use crate::config::{EachPart, PathPart, ResourceId, Subject};

/// The first words of references that are no resource type.
pub const ROOTS: [&str; 10] =
    ["var", "local", "data", "module", "each", "count", "path", "self", "mprov", "generation"];

/// A reference that names nothing.
pub struct BadName {
    pub summary: String,
    pub advice: String,
    pub part: Option<Range<usize>>,
}

/// What the first words of a traversal name, and how many of its operators belong to the name.
/// `bound` are the names that surrounding constructs bind, for advice only.
pub fn subject(
    root: &str,
    root_part: Option<Range<usize>>,
    operators: &[Decorated<TraversalOperator>],
    bound: &dyn Fn() -> Vec<String>,
) -> Result<(Subject, usize), BadName> {
    let attribute = |at: usize| match operators.get(at).map(Decorated::value) {
        Some(TraversalOperator::GetAttr(name)) => Some(name.value().as_str()),
        _ => None,
    };
    let bad = |summary: String, advice: String| {
        Err(BadName { summary, advice, part: operators.first().and_then(|o| o.span()).or(root_part.clone()) })
    };
    let needs_name = |form: &str| {
        bad(
            format!("\"{root}\" stands for nothing by itself"),
            format!("A name has to follow, as in {form}."),
        )
    };
    match (root, attribute(0)) {
        ("var", Some(name)) => Ok((Subject::Variable(name.into()), 1)),
        ("var", None) => needs_name("var.hostname"),
        ("local", Some(name)) => Ok((Subject::Local(name.into()), 1)),
        ("local", None) => needs_name("local.labels"),
        ("module", Some(name)) => Ok((Subject::Module(name.into()), 1)),
        ("module", None) => needs_name("module.site.url"),
        ("mprov", Some(name)) => Ok((Subject::Mprov(name.into()), 1)),
        ("mprov", None) => needs_name("mprov.version"),
        ("self", _) => Ok((Subject::SelfObject, 0)),
        ("generation", _) => Ok((Subject::Generation, 0)),
        ("each", Some("key")) => Ok((Subject::Each(EachPart::Key), 1)),
        ("each", Some("value")) => Ok((Subject::Each(EachPart::Value), 1)),
        ("each", _) => bad("there are only each.key and each.value".into(), String::new()),
        ("count", Some("index")) => Ok((Subject::CountIndex, 1)),
        ("count", _) => bad("there is only count.index".into(), String::new()),
        ("path", Some("module")) => Ok((Subject::Path(PathPart::Module), 1)),
        ("path", Some("root")) => Ok((Subject::Path(PathPart::Root), 1)),
        ("path", Some("cwd")) => Ok((Subject::Path(PathPart::Cwd), 1)),
        ("path", _) => bad("there are only path.module, path.root and path.cwd".into(), String::new()),
        ("data", Some(kind)) => match attribute(1) {
            Some(name) => Ok((Subject::Resource(ResourceId::data(kind, name)), 2)),
            None => needs_name("data.docker_image.base"),
        },
        ("data", None) => needs_name("data.docker_image.base"),
        ("resource", Some(kind)) => match attribute(1) {
            Some(name) => Ok((Subject::Resource(ResourceId::managed(kind, name)), 2)),
            None => needs_name("resource.docker_image.base"),
        },
        ("terraform", _) => bad(
            "there is no object \"terraform\"".into(),
            "Facts of the run are in the object mprov, such as mprov.version.".into(),
        ),
        (kind, Some(name)) => resource(kind, name, root_part, bound),
        (name, None) => {
            let bound = bound();
            let known = bound.iter().map(String::as_str).chain(ROOTS);
            let advice = match nearest(name, known) {
                Some(near) => format!("Did you mean \"{near}\"?"),
                None => format!(
                    "References have at least two parts, as in var.{name}, local.{name} or {name}.name for a \
                     resource; a string stands in quotes, \"{name}\"."
                ),
            };
            Err(BadName { summary: format!("\"{name}\" is not a known name"), advice, part: root_part })
        }
    }
}

/// A managed resource, unless the type is more likely a mistyped keyword: resource types begin with
/// their provider's name and an underscore.
fn resource(
    kind: &str,
    name: &str,
    part: Option<Range<usize>>,
    bound: &dyn Fn() -> Vec<String>,
) -> Result<(Subject, usize), BadName> {
    if !kind.contains('_') {
        let bound = bound();
        let known = bound.iter().map(String::as_str).chain(ROOTS);
        if let Some(near) = nearest(kind, known) {
            return Err(BadName {
                summary: format!("\"{kind}\" is not a known name"),
                advice: format!("Did you mean \"{near}.{name}\"?"),
                part,
            });
        }
    }
    Ok((Subject::Resource(ResourceId::managed(kind, name)), 1))
}

/// The first attribute behind the subject, past one index or splat, where it is a plain name.
pub fn first_attribute(operators: &[Decorated<TraversalOperator>]) -> Option<Name> {
    let past_index = match operators.first().map(Decorated::value) {
        Some(TraversalOperator::GetAttr(name)) => return Some(name.value().as_str().into()),
        Some(_) => operators.get(1),
        None => None,
    };
    match past_index.map(Decorated::value) {
        Some(TraversalOperator::GetAttr(name)) => Some(name.value().as_str().into()),
        _ => None,
    }
}
