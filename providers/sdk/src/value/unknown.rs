use std::sync::Arc;

use crate::Type;

/// A value that only an apply can tell, of a type that is known already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown {
    pub ty: Type,
    /// Address of what will make it known, for "known after `…`". Not part of a value's identity
    /// in plans: it only explains.
    pub origin: Option<Arc<str>>,
}
