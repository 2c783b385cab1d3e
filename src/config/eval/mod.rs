//! Evaluation of expressions over the parsed tree: no I/O but what the functions named after files
//! do, no clock, no environment.

mod body;
mod call;
mod comprehension;
mod equality;
mod evaluator;
mod explain;
mod functions;
mod heredoc;
mod index;
mod limits;
mod literal;
mod locals;
mod names;
mod operators;
mod references;
mod scope;
mod special;
mod splat;
mod suggest;
mod template;
mod template_text;
#[cfg(test)]
mod tests;
mod traversal;
mod type_expr;

pub use body::{body_references, evaluate_body, static_check_body};
pub use evaluator::{constant, evaluate};
pub use heredoc::restore_heredocs;
pub use references::{parse_reference, references};
pub use scope::Scope;
pub use suggest::{did_you_mean, nearest};
pub use type_expr::parse_type;
