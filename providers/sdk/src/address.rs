use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::Name;

/// What distinguishes the instances of one block: nothing, a `count` index or a `for_each` key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKey {
    None,
    Index(u32),
    Key(Arc<str>),
}

/// One call on the way from the root module to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    pub name: Name,
    pub key: InstanceKey,
}

/// The instance of a module; empty for the root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(pub Arc<[ModuleStep]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    Managed,
    Data,
}

/// A resource or data block in an instance of a module, without its own instance key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceAddress {
    pub module: ModulePath,
    pub mode: Mode,
    pub kind: Name,
    pub name: Name,
}

/// The name of one resource instance, e.g. `module.site["a"].docker_container.web[0]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub resource: ResourceAddress,
    pub key: InstanceKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{text}\" is not an address: {reason}")]
pub struct AddressError {
    pub text: String,
    pub reason: &'static str,
}

impl ModulePath {
    pub fn root() -> Self {
        Self::default()
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn child(&self, name: impl Into<Name>, key: InstanceKey) -> Self {
        let step = ModuleStep { name: name.into(), key };
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    pub fn starts_with(&self, prefix: &ModulePath) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl ResourceAddress {
    pub fn instance(&self, key: InstanceKey) -> Address {
        Address { resource: self.clone(), key }
    }
}

impl Address {
    pub fn module(&self) -> &ModulePath {
        &self.resource.module
    }

    pub fn is_data(&self) -> bool {
        self.resource.mode == Mode::Data
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Index(i) => write!(f, "[{i}]"),
            Self::Key(k) => {
                f.write_str("[\"")?;
                for c in k.chars() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "module.{}{}", step.name, step.key)?;
        }
        Ok(())
    }
}

impl fmt::Display for ResourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        if self.mode == Mode::Data {
            f.write_str("data.")?;
        }
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.resource, self.key)
    }
}

/// One dotted part with its key, `web["a"]`.
struct Part {
    name: String,
    key: InstanceKey,
}

fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() {
            return Err("a name is missing");
        }
        rest = &rest[end..];
        let mut key = InstanceKey::None;
        if let Some(inner) = rest.strip_prefix("[\"") {
            let mut plain = String::new();
            let mut chars = inner.char_indices();
            let close = loop {
                match chars.next() {
                    None => return Err("a quote is not closed"),
                    Some((at, '"')) => break at,
                    Some((_, '\\')) => match chars.next() {
                        Some((_, 'n')) => plain.push('\n'),
                        Some((_, c)) => plain.push(c),
                        None => return Err("a quote is not closed"),
                    },
                    Some((_, c)) => plain.push(c),
                }
            };
            key = InstanceKey::Key(plain.into());
            rest = inner[close + 1..].strip_prefix(']').ok_or("\"]\" is missing")?;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let close = inner.find(']').ok_or("\"]\" is missing")?;
            key = InstanceKey::Index(inner[..close].parse().map_err(|_| "an index is a whole number")?);
            rest = &inner[close + 1..];
        }
        parts.push(Part { name: name.to_owned(), key });
        if rest.is_empty() {
            return Ok(parts);
        }
        rest = rest.strip_prefix('.').ok_or("expected \".\"")?;
    }
}

/// The module path in front of an address, and what follows it.
fn module_prefix(parts: Vec<Part>) -> Result<(ModulePath, Vec<Part>), &'static str> {
    let mut path = ModulePath::root();
    let mut parts = parts.into_iter().peekable();
    while parts.peek().is_some_and(|p| p.name == "module" && p.key == InstanceKey::None) {
        parts.next();
        let call = parts.next().ok_or("the module's name is missing")?;
        path = path.child(call.name, call.key);
    }
    Ok((path, parts.collect()))
}

impl FromStr for ModulePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError { text: text.to_owned(), reason };
        if text.is_empty() {
            return Ok(Self::root());
        }
        let (path, rest) = parts(text).and_then(module_prefix).map_err(fail)?;
        match rest.is_empty() {
            true => Ok(path),
            false => Err(fail("only modules are expected")),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError { text: text.to_owned(), reason };
        let (module, mut rest) = parts(text).and_then(module_prefix).map_err(fail)?;
        let mut mode = Mode::Managed;
        if rest.len() == 3 && rest[0].name == "data" && rest[0].key == InstanceKey::None {
            mode = Mode::Data;
            rest.remove(0);
        }
        match <[Part; 2]>::try_from(rest) {
            Ok([kind, name]) if kind.key == InstanceKey::None => Ok(Address {
                resource: ResourceAddress { module, mode, kind: kind.name.into(), name: name.name.into() },
                key: name.key,
            }),
            _ => Err(fail("expected a type and a name, as in docker_container.web")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in [
            "core_value.a",
            "core_value.a[3]",
            r#"module.site["a.b"].docker_container.web["x\"y"]"#,
            "module.a.module.b[0].data.host_file.f",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for text in ["", "a", "a.b.c", "a.b[", "a.b[x]", "a..b", "module.a", r#"a.b["x]"#] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
