use std::sync::Arc;

use mprov_sdk::Name;

use crate::config::{Configuration, Module, ModuleCall, ProviderRef};

/// A module's place in the tree of calls, whatever number of instances the calls make.
pub type TreeId = usize;

/// One module of the tree of calls.
pub struct TreeModule {
    pub module: Arc<Module>,
    /// The caller and the name of the call; none for the root.
    pub caller: Option<(TreeId, Name)>,
    pub children: Vec<(Name, TreeId)>,
    /// `module.a.module.b`, without instance keys; empty for the root.
    pub path: String,
    /// Of all its texts.
    digest: String,
}

/// All modules of a configuration, callers before called.
pub struct Tree(Vec<TreeModule>);

/// Where a provider configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderPlace {
    /// The module with the block; the root where there is none.
    pub tree: TreeId,
    pub reference: ProviderRef,
}

impl Tree {
    pub const ROOT: TreeId = 0;

    pub fn new(configuration: &Configuration) -> Self {
        let root = TreeModule {
            module: configuration.root.clone(),
            caller: None,
            children: Vec::new(),
            path: String::new(),
            digest: digest(configuration, &configuration.root),
        };
        let mut modules = vec![root];
        let mut next = 0;
        while next < modules.len() {
            let module = modules[next].module.clone();
            for (name, call) in &module.calls {
                let prefix = &modules[next].path;
                let dot = if prefix.is_empty() { "" } else { "." };
                let path = format!("{prefix}{dot}module.{name}");
                let child = modules.len();
                modules[next].children.push((name.clone(), child));
                modules.push(TreeModule {
                    module: call.module.clone(),
                    caller: Some((next, name.clone())),
                    children: Vec::new(),
                    path,
                    digest: digest(configuration, &call.module),
                });
            }
            next += 1;
        }
        Self(modules)
    }

    pub fn get(&self, id: TreeId) -> &TreeModule {
        &self.0[id]
    }

    pub fn module(&self, id: TreeId) -> &Arc<Module> {
        &self.0[id].module
    }

    pub fn ids(&self) -> std::ops::Range<TreeId> {
        0..self.0.len()
    }

    /// Of all texts of a module and of the modules that it calls.
    pub fn digest(&self, id: TreeId) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let module = &self.0[id];
            hasher.update(module.digest.as_bytes());
            open.extend(module.children.iter().map(|(_, child)| *child));
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// How many calls lead to it.
    pub fn depth(&self, id: TreeId) -> usize {
        match &self.0[id].caller {
            Some((caller, _)) => self.depth(*caller) + 1,
            None => 0,
        }
    }

    /// Whether it is that module, or is called by it through any number of others.
    pub fn is_within(&self, mut id: TreeId, module: TreeId) -> bool {
        loop {
            if id == module {
                return true;
            }
            match &self.0[id].caller {
                Some((caller, _)) => id = *caller,
                None => return false,
            }
        }
    }

    pub fn child(&self, id: TreeId, call: &str) -> Option<TreeId> {
        self.0[id].children.iter().find(|(name, _)| &**name == call).map(|(_, child)| *child)
    }

    /// The call that this module is called by; none for the root.
    pub fn call(&self, id: TreeId) -> Option<&ModuleCall> {
        let (caller, name) = self.0[id].caller.as_ref()?;
        self.0[*caller].module.calls.get(name)
    }

    /// Follows a provider reference through `providers` arguments and inheritance to its block.
    pub fn provider_place(&self, from: TreeId, reference: &ProviderRef) -> ProviderPlace {
        let (mut tree, mut reference) = (from, reference.clone());
        loop {
            let here = &self.0[tree];
            let Some((caller, _)) = &here.caller else { break };
            if here.module.providers.contains_key(&reference) {
                break;
            }
            if let Some((passed, _)) = self.call(tree).and_then(|c| c.providers.get(&reference)) {
                reference = passed.clone();
            }
            tree = *caller;
        }
        ProviderPlace { tree, reference }
    }
}

fn digest(configuration: &Configuration, module: &Module) -> String {
    let mut hasher = blake3::Hasher::new();
    let own = configuration.sources.iter().map(|(_, file)| file);
    for file in own.filter(|file| file.name.parent() == Some(&*module.dir)) {
        hasher.update(&(file.text.len() as u64).to_le_bytes()).update(file.text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// An address of this module's, without instance keys.
pub fn join_path(path: &str, rest: impl std::fmt::Display) -> String {
    if path.is_empty() { rest.to_string() } else { format!("{path}.{rest}") }
}
