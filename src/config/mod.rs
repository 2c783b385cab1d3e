//! HCL text to typed configuration, and the evaluation of its expressions.

mod body;
pub mod eval;
mod expression;
pub mod load;
mod module;
mod reference;
mod source;

pub use body::{Argument, Body, NestedBlock};
pub use expression::Expr;
pub use module::{
    Condition, Configuration, IgnoreChanges, Lifecycle, Local, Module, ModuleCall, Moved, MovedEnd, Output,
    ProviderBlock, ProviderRef, Rehearse, Repeat, ResourceBlock, ResourceId, RolloutBlock, Settings,
    Variable,
};
pub use reference::{EachPart, PathPart, Reference, Subject};
pub use source::{SourceFile, Sources};
