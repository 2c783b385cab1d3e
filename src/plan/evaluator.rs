use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use mprov_sdk::{
    Address, Diagnostic, Diagnostics, InstanceKey, ModulePath, Name, Object, ResourceAddress, Type, Value,
    convert,
};

use mprov_state::Role;

use super::expansion::{Expansion, Keys, Repetition, Shape, collect};
use super::scope::InstanceScope;
use super::tree::{Tree, TreeId};
use crate::config::eval::evaluate;
use crate::config::{Expr, Repeat, ResourceId};

/// Index of a module instance.
pub type ModuleId = usize;

/// One instance of a module, with the values that its expressions see.
pub struct ModuleInstance {
    pub path: ModulePath,
    pub tree: TreeId,
    /// The calling instance and the call's name; none for the root.
    pub caller: Option<(ModuleId, Name)>,
    pub repetition: Repetition,
    /// Where the module has a rollout.
    pub generation: Option<GenerationScope>,
    resources: HashMap<ResourceId, Expansion>,
    calls: HashMap<Name, (Shape, BTreeMap<InstanceKey, ModuleId>)>,
    memo: RefCell<Memo>,
}

/// What `generation` means in one instance of a module with a rollout.
#[derive(Clone, Debug)]
pub struct GenerationScope {
    pub id: Name,
    pub slot: u32,
    pub role: Role,
    /// Outputs of the generation that it was cloned from; null for the first.
    pub previous: Value,
}

impl Default for GenerationScope {
    /// What a module sees that has no rollout: it is the only generation, and live.
    fn default() -> Self {
        Self { id: "g1".into(), slot: 1, role: Role::Live, previous: Value::Null }
    }
}

impl GenerationScope {
    pub fn value(&self) -> Value {
        Value::object([
            ("id", Value::from(self.id.to_string())),
            ("slot", Value::from(i64::from(self.slot))),
            ("role", Value::from(self.role.name())),
            ("previous", self.previous.clone()),
        ])
    }
}

#[derive(Default)]
struct Memo {
    variables: HashMap<Name, Value>,
    locals: HashMap<Name, Value>,
    outputs: HashMap<Name, Value>,
}

/// Evaluates expressions against what is known so far. Used twice: in planning, where nodes are
/// visited in order; and live, in an apply, where values become known step by step and whatever
/// was unknown is evaluated again on demand.
pub struct Evaluator {
    pub tree: Tree,
    pub modules: Vec<ModuleInstance>,
    of_tree: Vec<Vec<ModuleId>>,
    /// Values of the root module's variables, converted and marked.
    pub inputs: BTreeMap<Name, Value>,
    pub base_dir: PathBuf,
    pub time: String,
    /// When the apply began; none in planning.
    pub apply_time: Option<String>,
    live: bool,
}

impl Evaluator {
    pub fn new(tree: Tree, inputs: BTreeMap<Name, Value>, base_dir: PathBuf, time: String) -> Self {
        let of_tree = vec![Vec::new(); tree.ids().len()];
        let mut evaluator = Self {
            tree,
            modules: Vec::new(),
            of_tree,
            inputs,
            base_dir,
            time,
            apply_time: None,
            live: false,
        };
        evaluator.add_module(ModulePath::root(), Tree::ROOT, None, Repetition::default());
        evaluator
    }

    /// From now on values change: what is unknown is not remembered any more.
    pub fn go_live(&mut self, now: String) {
        self.live = true;
        self.apply_time = Some(now);
        for module in &self.modules {
            let memo = &mut *module.memo.borrow_mut();
            for values in [&mut memo.variables, &mut memo.locals, &mut memo.outputs] {
                values.retain(|_, v| v.is_wholly_known());
            }
        }
    }

    /// The instances of a module of the tree.
    pub fn instances(&self, tree: TreeId) -> &[ModuleId] {
        &self.of_tree[tree]
    }

    pub fn add_module(
        &mut self,
        path: ModulePath,
        tree: TreeId,
        caller: Option<(ModuleId, InstanceKey, Name)>,
        repetition: Repetition,
    ) -> ModuleId {
        let id = self.modules.len();
        if let Some((caller, key, name)) = &caller
            && let Some((_, children)) = self.modules[*caller].calls.get_mut(name)
        {
            children.insert(key.clone(), id);
        }
        self.modules.push(ModuleInstance {
            path,
            tree,
            caller: caller.map(|(caller, _, name)| (caller, name)),
            repetition,
            generation: None,
            resources: HashMap::new(),
            calls: HashMap::new(),
            memo: RefCell::default(),
        });
        self.of_tree[tree].push(id);
        id
    }

    /// Makes one generation of a called module, with its own values of some inputs.
    pub fn add_generation(
        &mut self,
        path: ModulePath,
        tree: TreeId,
        (caller, key, name): (ModuleId, InstanceKey, Name),
        generation: GenerationScope,
        inputs: Object,
    ) -> ModuleId {
        self.modules[caller].calls.insert(name.clone(), (Shape::Once, BTreeMap::new()));
        let id = self.add_module(path, tree, Some((caller, key, name)), Repetition::default());
        let module = &mut self.modules[id];
        module.generation = Some(generation);
        module.memo.get_mut().variables.extend(inputs);
        id
    }

    /// The same module instance in another role, with the values that its instances have now. It
    /// is no instance of its own: nothing refers to it.
    pub fn in_role(&mut self, module: ModuleId, role: Role) -> ModuleId {
        let of = &self.modules[module];
        let shadow = ModuleInstance {
            path: of.path.clone(),
            tree: of.tree,
            caller: of.caller.clone(),
            repetition: of.repetition.clone(),
            generation: of.generation.clone().map(|generation| GenerationScope { role, ..generation }),
            resources: of.resources.clone(),
            calls: of.calls.clone(),
            memo: RefCell::new(Memo { variables: of.memo.borrow().variables.clone(), ..Memo::default() }),
        };
        self.modules.push(shadow);
        self.modules.len() - 1
    }

    /// What `generation` means in that module: that of the nearest module around it with a rollout.
    pub fn generation(&self, module: ModuleId) -> GenerationScope {
        let mut at = module;
        loop {
            let instance = &self.modules[at];
            if let Some(generation) = &instance.generation {
                return generation.clone();
            }
            match &instance.caller {
                Some((caller, _)) => at = *caller,
                None => return GenerationScope::default(),
            }
        }
    }

    /// Makes the instances of a called module, in every instance of its caller.
    pub fn expand_call(&mut self, tree: TreeId) -> Result<(), Diagnostics> {
        let Some((caller_tree, name)) = self.tree.get(tree).caller.clone() else { return Ok(()) };
        let mut diagnostics = Diagnostics::new();
        for caller in self.of_tree[caller_tree].clone() {
            let Some(call) = self.tree.call(tree) else { continue };
            let keys = match self.keys(caller, &call.repeat.clone()) {
                Ok(keys) => keys,
                Err(errors) => {
                    diagnostics.extend(errors);
                    continue;
                }
            };
            self.modules[caller].calls.insert(name.clone(), (keys.shape, BTreeMap::new()));
            for (key, repetition) in keys.instances {
                let path = self.modules[caller].path.child(name.clone(), key.clone());
                self.add_module(path, tree, Some((caller, key, name.clone())), repetition);
            }
        }
        if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
    }

    pub fn scope(&self, module: ModuleId) -> InstanceScope<'_> {
        InstanceScope::new(self, module, Repetition::default())
    }

    pub fn scope_of(&self, module: ModuleId, repetition: Repetition) -> InstanceScope<'_> {
        InstanceScope::new(self, module, repetition)
    }

    /// The instance keys that `count` or `for_each` makes.
    pub fn keys(&self, module: ModuleId, repeat: &Repeat) -> Result<Keys, Diagnostics> {
        match repeat {
            Repeat::Once => {
                Ok(Keys { shape: Shape::Once, instances: vec![(InstanceKey::None, Repetition::default())] })
            }
            Repeat::Count(expr) => self.count_keys(module, expr),
            Repeat::ForEach(expr) => self.for_each_keys(module, expr),
        }
    }

    fn count_keys(&self, module: ModuleId, expr: &Expr) -> Result<Keys, Diagnostics> {
        let value = evaluate(expr, &self.scope(module))?;
        let value = known_repeat("count", &value, expr)?;
        let number = convert(&value, &Type::Number).ok();
        let count = number.as_ref().and_then(Value::as_number).and_then(mprov_sdk::Number::as_usize);
        let Some(count) = count.filter(|c| *c <= COUNT_LIMIT) else {
            return Err(Diagnostic::error(
                1320,
                format!("\"count\" is a whole number from 0 to {COUNT_LIMIT}"),
            )
            .at(expr.span())
            .into());
        };
        let instances = (0..count)
            .map(|i| (InstanceKey::Index(i as u32), Repetition { each: None, index: Some(i) }))
            .collect();
        Ok(Keys { shape: Shape::Count, instances })
    }

    fn for_each_keys(&self, module: ModuleId, expr: &Expr) -> Result<Keys, Diagnostics> {
        let value = evaluate(expr, &self.scope(module))?;
        let entries: Vec<(Name, Value, Value)> = match value.unmark().0 {
            Value::Map(o) | Value::Object(o) if !matches!(value, Value::Sensitive(_)) => {
                o.iter().map(|(k, v)| (k.clone(), Value::String(k.clone()), v.clone())).collect()
            }
            other => {
                let value = known_repeat(
                    "for_each",
                    if matches!(value, Value::Sensitive(_)) { &value } else { other },
                    expr,
                )?;
                let Value::Set(items) = &value else { return Err(not_for_each(expr)) };
                let strings: Option<Vec<_>> = items
                    .iter()
                    .map(|v| match v {
                        Value::String(s) => Some((s.clone(), v.clone(), v.clone())),
                        _ => None,
                    })
                    .collect();
                strings.ok_or_else(|| not_for_each(expr))?
            }
        };
        let instances = entries
            .into_iter()
            .map(|(name, key, value)| {
                (InstanceKey::Key(name), Repetition { each: Some((key, value)), index: None })
            })
            .collect();
        Ok(Keys { shape: Shape::ForEach, instances })
    }

    pub fn expand(&mut self, module: ModuleId, id: &ResourceId, keys: &Keys) {
        self.modules[module].resources.insert(id.clone(), Expansion::new(keys));
    }

    pub fn set_instance(&mut self, module: ModuleId, id: &ResourceId, key: InstanceKey, attributes: Object) {
        if let Some(expansion) = self.modules[module].resources.get_mut(id) {
            expansion.set(key, Value::from(attributes));
        }
    }

    pub fn expansion(&self, module: ModuleId, id: &ResourceId) -> Option<&Expansion> {
        self.modules[module].resources.get(id)
    }

    pub fn address(&self, module: ModuleId, id: &ResourceId, key: InstanceKey) -> Address {
        let resource = ResourceAddress {
            module: self.modules[module].path.clone(),
            mode: id.mode,
            kind: id.kind.clone(),
            name: id.name.clone(),
        };
        Address { resource, key }
    }

    /// The outputs of a called module: one object, or one for each instance.
    pub fn call_value(&self, caller: ModuleId, name: &str) -> Option<Value> {
        let (shape, children) = self.modules[caller].calls.get(name)?;
        let values = children.iter().map(|(k, child)| (k.clone(), self.outputs(*child))).collect();
        Some(collect(*shape, &values))
    }

    /// The outputs of one instance of a called module.
    pub fn call_instance(&self, caller: ModuleId, name: &str, key: &InstanceKey) -> Option<Value> {
        let (_, children) = self.modules[caller].calls.get(name)?;
        children.get(key).map(|child| self.outputs(*child))
    }

    pub fn call_shape(&self, caller: ModuleId, name: &str) -> Option<Shape> {
        self.modules[caller].calls.get(name).map(|(shape, _)| *shape)
    }

    /// All outputs as one object. In planning, outputs whose turn has not come are unknown: no
    /// expression that needs them is evaluated before they are.
    pub fn outputs(&self, module: ModuleId) -> Value {
        let outputs = &self.tree.module(self.modules[module].tree).outputs;
        Value::object(outputs.keys().map(|name| {
            let known = self.modules[module].memo.borrow().outputs.get(name).cloned();
            let value = known.unwrap_or_else(|| match self.live {
                true => self.output(module, name).unwrap_or(Value::unknown(Type::Any)),
                false => Value::unknown(Type::Any),
            });
            (name.clone(), value)
        }))
    }

    pub fn output(&self, module: ModuleId, name: &Name) -> Result<Value, Diagnostics> {
        if let Some(value) = self.modules[module].memo.borrow().outputs.get(name) {
            return Ok(value.clone());
        }
        let tree = self.modules[module].tree;
        let output = &self.tree.module(tree).outputs[name];
        let value = deep(|| evaluate(&output.expr, &self.scope(module)))?;
        if tree == Tree::ROOT && value.contains_sensitive() && !output.sensitive {
            return Err(Diagnostic::error(1410, format!("output \"{name}\" holds a sensitive value"))
                .at(output.span)
                .detail("Set \"sensitive = true\" on it, or take the mark off with nonsensitive() where that is right.")
                .into());
        }
        let value = value.with_sensitivity(output.sensitive);
        self.remember(&value, |memo| memo.outputs.insert(name.clone(), value.clone()), module);
        Ok(value)
    }

    pub fn local(&self, module: ModuleId, name: &Name) -> Result<Value, Diagnostics> {
        if let Some(value) = self.modules[module].memo.borrow().locals.get(name) {
            return Ok(value.clone());
        }
        let local = &self.tree.module(self.modules[module].tree).locals[name];
        let value = deep(|| evaluate(&local.expr, &self.scope(module)))?;
        self.remember(&value, |memo| memo.locals.insert(name.clone(), value.clone()), module);
        Ok(value)
    }

    pub fn variable(&self, module: ModuleId, name: &Name) -> Result<Value, Diagnostics> {
        if let Some(value) = self.modules[module].memo.borrow().variables.get(name) {
            return Ok(value.clone());
        }
        let instance = &self.modules[module];
        let Some((caller, call_name)) = &instance.caller else {
            return Ok(self.inputs.get(name).cloned().unwrap_or(Value::Null));
        };
        let variable = &self.tree.module(instance.tree).variables[name];
        let call = &self.tree.module(self.modules[*caller].tree).calls[call_name];
        let default = || variable.default.clone().unwrap_or(Value::Null);
        let value = match call.arguments.get(name) {
            None => default(),
            Some(expr) => {
                let given = deep(|| evaluate(expr, &self.scope_of(*caller, instance.repetition.clone())))?;
                let given = match given.is_null() && !variable.nullable {
                    true => default(),
                    false => given,
                };
                convert(&given, &variable.ty).map_err(|error| {
                    Diagnostic::error(1204, format!("variable \"{name}\" of module \"{call_name}\": {error}"))
                        .at(expr.span())
                        .label(variable.span, format!("its type is {}", variable.ty))
                })?
            }
        };
        let value = value.with_sensitivity(variable.sensitive);
        self.remember(&value, |memo| memo.variables.insert(name.clone(), value.clone()), module);
        Ok(value)
    }

    fn remember<T>(&self, value: &Value, insert: impl FnOnce(&mut Memo) -> T, module: ModuleId) {
        if !self.live || value.is_wholly_known() {
            insert(&mut self.modules[module].memo.borrow_mut());
        }
    }
}

/// More instances of one block than this are surely a mistake.
const COUNT_LIMIT: usize = 1_000_000;

/// Chains of locals, variables and outputs can be long when they are evaluated on demand.
fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, work)
}

fn known_repeat(argument: &str, value: &Value, expr: &Expr) -> Result<Value, Diagnostics> {
    let (plain, sensitive) = value.unmark();
    if sensitive {
        return Err(Diagnostic::error(1321, format!("\"{argument}\" depends on a sensitive value"))
            .at(expr.span())
            .detail("Its keys become part of addresses, which are shown everywhere. Take the mark off with nonsensitive() where the keys are no secret.")
            .into());
    }
    if let Value::Unknown(unknown) = plain {
        let after = unknown.origin.as_ref().map_or(String::new(), |o| format!(" ({o} makes it known)"));
        return Err(Diagnostic::error(1322, format!("\"{argument}\" is not known before the apply{after}"))
            .at(expr.span())
            .detail("How many instances there are must be known when planning. Use keys that the configuration itself tells, and values known after the apply inside the instances.")
            .into());
    }
    if plain.is_null() {
        return Err(Diagnostic::error(1323, format!("\"{argument}\" is null")).at(expr.span()).into());
    }
    Ok(plain.clone())
}

fn not_for_each(expr: &Expr) -> Diagnostics {
    Diagnostic::error(1324, "\"for_each\" takes a map or a set of strings")
        .at(expr.span())
        .detail("Turn a list into a set with toset(), or into a map with a for expression.")
        .into()
}
