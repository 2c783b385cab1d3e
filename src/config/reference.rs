use mprov_sdk::{Name, Span};

use super::ResourceId;

/// What a reference in an expression names, without the attributes and indices that follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// `var.name`
    Variable(Name),
    /// `local.name`
    Local(Name),
    /// `type.name` or `data.type.name`: one instance, or all where the block repeats
    Resource(ResourceId),
    /// `module.name`: its outputs, or all instances where the call repeats
    Module(Name),
    /// `each.key`, `each.value`
    Each(EachPart),
    /// `count.index`
    CountIndex,
    /// `path.module`, `path.root`, `path.cwd`
    Path(PathPart),
    /// `self`, in postconditions
    SelfObject,
    /// `generation`, in modules: `id`, `slot`, `role` and `previous`
    Generation,
    /// `mprov.name`, facts of the run (`mprov.version`)
    Mprov(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EachPart {
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathPart {
    Module,
    Root,
    Cwd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub subject: Subject,
    /// The first attribute behind a resource or module, where it is a plain name: for checks
    /// against schemas and outputs.
    pub attribute: Option<Name>,
    pub span: Span,
}
