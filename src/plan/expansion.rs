use std::cell::RefCell;
use std::collections::BTreeMap;

use mprov_sdk::{InstanceKey, Name, Value};

/// How a block repeats, decided once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Once,
    Count,
    ForEach,
}

/// What `each` and `count` mean in one instance.
#[derive(Clone, Debug, Default)]
pub struct Repetition {
    pub each: Option<(Value, Value)>,
    pub index: Option<usize>,
}

/// The instances of a block, each with its repetition.
#[derive(Clone, Debug)]
pub struct Keys {
    pub shape: Shape,
    pub instances: Vec<(InstanceKey, Repetition)>,
}

/// The values of all instances of one resource block in one module instance.
#[derive(Clone, Debug)]
pub struct Expansion {
    pub shape: Shape,
    repetitions: BTreeMap<InstanceKey, Repetition>,
    instances: BTreeMap<InstanceKey, Value>,
    /// All of them as one value, made when it is first asked for.
    collection: RefCell<Option<Value>>,
}

impl Expansion {
    pub fn new(keys: &Keys) -> Self {
        Self {
            shape: keys.shape,
            repetitions: keys.instances.iter().cloned().collect(),
            instances: BTreeMap::new(),
            collection: RefCell::new(None),
        }
    }

    /// What `each` and `count` mean in the instance with that key; none where there is none.
    pub fn repetition(&self, key: &InstanceKey) -> Option<&Repetition> {
        self.repetitions.get(key)
    }

    pub fn set(&mut self, key: InstanceKey, value: Value) {
        self.collection.replace(None);
        self.instances.insert(key, value);
    }

    pub fn get(&self, key: &InstanceKey) -> Option<&Value> {
        self.instances.get(key)
    }

    pub fn collection(&self) -> Value {
        self.collection.borrow_mut().get_or_insert_with(|| collect(self.shape, &self.instances)).clone()
    }
}

/// Instances as the language shows them: the value itself, a tuple, or an object.
pub fn collect(shape: Shape, instances: &BTreeMap<InstanceKey, Value>) -> Value {
    match shape {
        Shape::Once => instances.values().next().cloned().unwrap_or(Value::Null),
        Shape::Count => Value::tuple(instances.values().cloned()),
        Shape::ForEach => Value::object(instances.iter().filter_map(|(key, value)| match key {
            InstanceKey::Key(key) => Some((Name::clone(key), value.clone())),
            _ => None,
        })),
    }
}

/// The instance key that an index value means: a whole number, or a string.
pub fn key_of(value: &Value) -> Option<InstanceKey> {
    match value.unmark().0 {
        Value::String(s) => Some(InstanceKey::Key(s.clone())),
        Value::Number(n) => n.as_i64().and_then(|i| u32::try_from(i).ok()).map(InstanceKey::Index),
        _ => None,
    }
}
