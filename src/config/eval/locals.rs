use mprov_sdk::Value;

/// Names bound inside an expression (by `for`, by a `dynamic` block, by `templatefile`), innermost
/// first.
#[derive(Clone, Copy, Default)]
pub struct Locals<'a> {
    innermost: Option<&'a Frame<'a>>,
}

/// The names that one construct binds.
pub struct Frame<'a> {
    pub entries: &'a [(&'a str, Value)],
    /// The values come from a sensitive collection whose mark the result will carry: they
    /// themselves have none, and must not be told in errors.
    pub secret: bool,
    pub outer: Locals<'a>,
}

impl<'a> Locals<'a> {
    pub fn of(frame: &'a Frame<'a>) -> Self {
        Self { innermost: Some(frame) }
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let mut next = self.innermost;
        while let Some(frame) = next {
            if let Some((_, value)) = frame.entries.iter().find(|(n, _)| *n == name) {
                return Some(value);
            }
            next = frame.outer.innermost;
        }
        None
    }

    /// Whether values in reach are secret without being marked.
    pub fn secret(&self) -> bool {
        let mut next = self.innermost;
        while let Some(frame) = next {
            if frame.secret {
                return true;
            }
            next = frame.outer.innermost;
        }
        false
    }

    pub fn names(&self) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut next = self.innermost;
        while let Some(frame) = next {
            names.extend(frame.entries.iter().map(|(n, _)| *n));
            next = frame.outer.innermost;
        }
        names
    }
}
