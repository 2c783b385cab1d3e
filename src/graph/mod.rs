//! A directed acyclic graph: order, cycles, and which nodes are ready. Knows nothing of mprov.

mod dag;
mod ready;

pub use dag::{Dag, NodeId};
pub use ready::Ready;
