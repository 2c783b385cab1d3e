use std::path::Path;

use mprov_sdk::{Diagnostic, Diagnostics, InstanceKey, Span, Type, Value};

use super::evaluator::{Evaluator, ModuleId};
use super::expansion::{Repetition, Shape, key_of};
use crate::config::eval::Scope;
use crate::config::{EachPart, PathPart, Subject};

/// What the expressions of one block instance see.
pub struct InstanceScope<'a> {
    evaluator: &'a Evaluator,
    module: ModuleId,
    repetition: Repetition,
    own: Option<Value>,
}

impl<'a> InstanceScope<'a> {
    pub fn new(evaluator: &'a Evaluator, module: ModuleId, repetition: Repetition) -> Self {
        Self { evaluator, module, repetition, own: None }
    }

    /// With `self`, for postconditions.
    pub fn with_self(mut self, own: Value) -> Self {
        self.own = Some(own);
        self
    }

    fn not_declared(&self, what: impl std::fmt::Display, span: Span) -> Diagnostic {
        Diagnostic::error(1101, format!("{what} is not declared")).at(span)
    }
}

/// The first of several: what a reference shows at its own place.
fn first(diagnostics: Diagnostics, span: Span) -> Diagnostic {
    diagnostics
        .into_iter()
        .next()
        .unwrap_or_else(|| Diagnostic::error(1100, "this value could not be evaluated").at(span))
}

impl Scope for InstanceScope<'_> {
    fn value(&self, subject: &Subject, span: Span) -> Result<Value, Diagnostic> {
        let ev = self.evaluator;
        match subject {
            Subject::Variable(name) => ev.variable(self.module, name).map_err(|d| first(d, span)),
            Subject::Local(name) => ev.local(self.module, name).map_err(|d| first(d, span)),
            Subject::Resource(id) => match ev.expansion(self.module, id) {
                Some(expansion) => Ok(expansion.collection()),
                None => Err(self.not_declared(id, span)),
            },
            Subject::Module(name) => ev
                .call_value(self.module, name)
                .ok_or_else(|| self.not_declared(format_args!("module.{name}"), span)),
            Subject::Each(part) => match (&self.repetition.each, part) {
                (Some((key, _)), EachPart::Key) => Ok(key.clone()),
                (Some((_, value)), EachPart::Value) => Ok(value.clone()),
                (None, _) => {
                    Err(Diagnostic::error(1110, "\"each\" means something only in blocks with for_each")
                        .at(span))
                }
            },
            Subject::CountIndex => match self.repetition.index {
                Some(index) => Ok(Value::from(index)),
                None => {
                    Err(Diagnostic::error(1110, "\"count.index\" means something only in blocks with count")
                        .at(span))
                }
            },
            Subject::Path(part) => {
                let dir: &Path = match part {
                    PathPart::Module => &ev.tree.module(ev.modules[self.module].tree).dir,
                    PathPart::Root => Path::new("."),
                    PathPart::Cwd => &ev.base_dir,
                };
                Ok(Value::from(dir.to_string_lossy().into_owned()))
            }
            Subject::SelfObject => self.own.clone().ok_or_else(|| {
                Diagnostic::error(1110, "\"self\" means something only in postconditions").at(span)
            }),
            Subject::Generation => Ok(ev.generation(self.module).value()),
            Subject::Mprov(name) if &**name == "version" => Ok(Value::from(env!("CARGO_PKG_VERSION"))),
            Subject::Mprov(name) => Err(Diagnostic::error(1101, format!("there is no mprov.{name}"))
                .at(span)
                .detail("There is mprov.version.")),
        }
    }

    fn instance(&self, subject: &Subject, key: &Value, span: Span) -> Result<Value, Diagnostic> {
        if key.is_unknown() {
            return Ok(Value::unknown(Type::Any));
        }
        let ev = self.evaluator;
        let shape = match subject {
            Subject::Resource(id) => ev.expansion(self.module, id).map(|e| e.shape),
            Subject::Module(name) => ev.call_shape(self.module, name),
            _ => None,
        };
        let name = match subject {
            Subject::Resource(id) => id.to_string(),
            Subject::Module(name) => format!("module.{name}"),
            other => format!("{other:?}"),
        };
        let Some(shape) = shape else { return Err(self.not_declared(name, span)) };
        let found = match (key_of(key), shape) {
            (Some(key @ InstanceKey::Index(_)), Shape::Count)
            | (Some(key @ InstanceKey::Key(_)), Shape::ForEach) => match subject {
                Subject::Resource(id) => ev.expansion(self.module, id).and_then(|e| e.get(&key)).cloned(),
                Subject::Module(name) => ev.call_instance(self.module, name, &key),
                _ => None,
            },
            _ => None,
        };
        let (_, sensitive) = key.unmark();
        found.map(|v| v.with_sensitivity(sensitive)).ok_or_else(|| {
            let kind = match shape {
                Shape::Once => "it has only one instance and takes no index",
                Shape::Count => "its instances are counted from 0",
                Shape::ForEach => "its instances have the keys of for_each",
            };
            let shown = match key_of(key) {
                Some(key) if !sensitive => key.to_string(),
                _ => "[…]".to_owned(),
            };
            Diagnostic::error(1111, format!("there is no {name}{shown}")).at(span).detail(format!("{kind}."))
        })
    }

    fn base_dir(&self) -> &Path {
        &self.evaluator.base_dir
    }

    fn plan_time(&self) -> &str {
        &self.evaluator.time
    }

    fn apply_time(&self) -> Option<&str> {
        self.evaluator.apply_time.as_deref()
    }
}
