use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use mprov_sdk::{Address, Mode, ModulePath, Name, Span, Type, Value};

use super::{Body, Expr, Reference, Sources};

/// A whole configuration: the root module with all modules it calls.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    pub sources: Sources,
    pub root: Arc<Module>,
}

/// The files of one folder (or of one built-in source).
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// What `path.module` says; for built-in modules the source itself, `mprov:moodle/small`.
    pub dir: PathBuf,
    pub settings: Settings,
    pub variables: BTreeMap<Name, Variable>,
    pub locals: BTreeMap<Name, Local>,
    pub outputs: BTreeMap<Name, Output>,
    /// Resource and data blocks.
    pub resources: BTreeMap<ResourceId, ResourceBlock>,
    pub providers: BTreeMap<ProviderRef, ProviderBlock>,
    pub calls: BTreeMap<Name, ModuleCall>,
    pub moved: Vec<Moved>,
}

/// The `mprov` block.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `required_version`, a constraint such as `>= 0.1`.
    pub required_version: Option<(String, Span)>,
}

#[derive(Clone, Debug)]
pub struct Variable {
    /// A constraint; `any` where none is given.
    pub ty: Type,
    /// Converted to the type already. None means that a value must be given.
    pub default: Option<Value>,
    pub description: Option<String>,
    pub sensitive: bool,
    pub nullable: bool,
    pub validations: Vec<Condition>,
    pub span: Span,
}

/// A condition with its message: validation, precondition, postcondition.
#[derive(Clone, Debug)]
pub struct Condition {
    pub condition: Expr,
    pub error_message: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Local {
    pub expr: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Output {
    pub expr: Expr,
    pub description: Option<String>,
    pub sensitive: bool,
    pub depends_on: Vec<Reference>,
    pub preconditions: Vec<Condition>,
    pub span: Span,
}

/// Type and name of a resource or data block inside its module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    pub mode: Mode,
    pub kind: Name,
    pub name: Name,
}

#[derive(Clone, Debug)]
pub struct ResourceBlock {
    pub id: ResourceId,
    pub body: Body,
    pub repeat: Repeat,
    pub depends_on: Vec<Reference>,
    /// The `provider` meta-argument; the default configuration of the type's provider without it.
    pub provider: Option<(ProviderRef, Span)>,
    pub lifecycle: Lifecycle,
    /// The header, `resource "docker_container" "web"`.
    pub span: Span,
}

#[derive(Clone, Debug, Default)]
pub enum Repeat {
    #[default]
    Once,
    Count(Expr),
    ForEach(Expr),
}

#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    pub create_before_destroy: bool,
    pub prevent_destroy: bool,
    /// The steps of one apply inside this scope are undone together when one fails.
    pub atomic: bool,
    /// In a module with a rollout: made only when users have been switched to its generation, and
    /// gone before they are switched away from it.
    pub after_switch: bool,
    pub ignore_changes: IgnoreChanges,
    pub replace_triggered_by: Vec<Expr>,
    pub preconditions: Vec<Condition>,
    pub postconditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default)]
pub enum IgnoreChanges {
    #[default]
    None,
    All,
    /// Names of attributes.
    Only(Vec<(Name, Span)>),
}

/// A provider configuration: `docker`, or `docker.remote` with an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderRef {
    pub name: Name,
    pub alias: Option<Name>,
}

#[derive(Clone, Debug)]
pub struct ProviderBlock {
    pub body: Body,
    /// The `uses` meta-argument: configurations of other providers through which this one reaches
    /// machines and containers; their default configurations without it.
    pub uses: Vec<(ProviderRef, Span)>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct ModuleCall {
    pub arguments: BTreeMap<Name, Expr>,
    pub repeat: Repeat,
    pub depends_on: Vec<Reference>,
    /// The `providers` meta-argument: the name inside the called module, and the caller's.
    pub providers: BTreeMap<ProviderRef, (ProviderRef, Span)>,
    /// Changes of the module become new generations of it.
    pub rollout: Option<RolloutBlock>,
    pub module: Arc<Module>,
    pub span: Span,
}

/// The `rollout` block of a module call.
#[derive(Clone, Debug)]
pub struct RolloutBlock {
    /// Inputs of the module whose change makes a new generation.
    pub on: Vec<(Name, Span)>,
    /// How many previous generations are kept for going back.
    pub keep: u32,
    pub rehearse: Rehearse,
    pub span: Span,
}

/// Whether a combination has to be rehearsed before users are switched to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rehearse {
    #[default]
    Required,
    Optional,
}

/// A `moved` block. Both sides are relative to the module it stands in.
#[derive(Clone, Debug)]
pub struct Moved {
    pub from: MovedEnd,
    pub to: MovedEnd,
    pub span: Span,
}

/// A resource (all instances or one) or a module call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovedEnd {
    /// A key of `None` stands for the block's only instance, or for the whole block.
    Resource(Address),
    Module(ModulePath),
}

impl ResourceId {
    pub fn managed(kind: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { mode: Mode::Managed, kind: kind.into(), name: name.into() }
    }

    pub fn data(kind: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { mode: Mode::Data, kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.mode == Mode::Data { "data." } else { "" };
        write!(f, "{prefix}{}.{}", self.kind, self.name)
    }
}

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{}.{alias}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
