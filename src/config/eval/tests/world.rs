use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mprov_sdk::{Diagnostic, Field, Span, Type, Value};

use crate::config::eval::Scope;
use crate::config::{EachPart, PathPart, Subject};

/// A small scope: a few variables, one resource, one with three instances.
pub struct World {
    pub variables: BTreeMap<&'static str, Value>,
    pub base_dir: PathBuf,
    pub apply_time: Option<String>,
    /// What was asked for, to see that no collection of all instances is made without need.
    pub asked: RefCell<Vec<String>>,
}

impl Default for World {
    fn default() -> Self {
        let object =
            Type::object([("id", Field::required(Type::String)), ("size", Field::required(Type::Number))]);
        let variables = [
            ("text", Value::from("text")),
            ("number", Value::from(5)),
            ("secret", Value::from("hunter2").sensitive()),
            ("secret_list", Value::list(["a".into(), "b".into()]).sensitive()),
            (
                "secret_object",
                Value::object([("hunter2", Value::tuple([1.into()])), ("b", 1.into())]).sensitive(),
            ),
            ("secret_items", Value::tuple(["hunter2".into(), 5.into()]).sensitive()),
            ("nothing", Value::Null),
            ("list", Value::list(["a".into(), "b".into()])),
            ("map", Value::map([("k", Value::from("v"))])),
            ("object", Value::object([("name", Value::from("web")), ("port", 80.into())])),
            ("template", Value::from("hello ${name}%{ if loud }!%{ endif }")),
            ("u", Value::unknown_from(Type::String, "docker_container.web")),
            ("u_any", Value::unknown(Type::Any)),
            ("u_number", Value::unknown(Type::Number)),
            ("u_bool", Value::unknown(Type::Bool)),
            ("u_list", Value::unknown(Type::list(Type::String))),
            ("u_map", Value::unknown(Type::map(Type::Number))),
            ("u_object", Value::unknown(object)),
        ];
        Self {
            variables: variables.into_iter().collect(),
            base_dir: PathBuf::from("."),
            apply_time: None,
            asked: RefCell::default(),
        }
    }
}

impl World {
    fn instance_of(&self, index: usize) -> Value {
        Value::object([("id", Value::from(format!("i-{index}"))), ("index", index.into())])
    }
}

impl Scope for World {
    fn value(&self, subject: &Subject, span: Span) -> Result<Value, Diagnostic> {
        self.asked.borrow_mut().push(format!("{subject:?}"));
        let undeclared = || Diagnostic::error(1101, format!("{subject:?} is not declared")).at(span);
        match subject {
            Subject::Variable(name) => self.variables.get(&**name).cloned().ok_or_else(undeclared),
            Subject::Resource(id) if &*id.name == "one" => Ok(self.instance_of(7)),
            Subject::Resource(id) if &*id.name == "many" => {
                Ok(Value::tuple((0..3).map(|i| self.instance_of(i))))
            }
            Subject::Module(name) if &**name == "site" => Ok(Value::object([("url", "https://x".into())])),
            Subject::Each(EachPart::Key) => Ok("key".into()),
            Subject::Each(EachPart::Value) => Ok(Value::object([("size", 3.into())])),
            Subject::CountIndex => Ok(2.into()),
            Subject::Path(PathPart::Module) => Ok("modules/site".into()),
            Subject::Mprov(name) if &**name == "version" => Ok("0.1.0".into()),
            Subject::SelfObject => Ok(Value::object([("id", "self".into())])),
            _ => Err(undeclared()),
        }
    }

    fn instance(&self, subject: &Subject, key: &Value, span: Span) -> Result<Value, Diagnostic> {
        self.asked.borrow_mut().push(format!("{subject:?} at {key:?}"));
        let (plain, sensitive) = key.unmark();
        if plain.is_unknown() {
            return Ok(Value::unknown(Type::Any));
        }
        match plain.as_i64() {
            Some(index @ 0..3) => Ok(self.instance_of(index as usize).with_sensitivity(sensitive)),
            _ => Err(Diagnostic::error(1111, "there is no such instance").at(span)),
        }
    }

    fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    fn plan_time(&self) -> &str {
        "2026-11-23T10:00:00Z"
    }

    fn apply_time(&self) -> Option<&str> {
        self.apply_time.as_deref()
    }
}
