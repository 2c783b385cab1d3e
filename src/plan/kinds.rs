use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mprov_sdk::{Mode, Name, Provider, Schema, Type};

/// A resource or data source type, with what offers it.
#[derive(Clone)]
pub struct Kind {
    pub provider: Arc<dyn Provider>,
    /// The provider's name.
    pub provider_name: &'static str,
    pub schema: Arc<Schema>,
    /// The schema's object type, made once.
    pub ty: Arc<Type>,
}

/// All types of all providers, by name.
pub struct Kinds {
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    resources: HashMap<Name, Kind>,
    data_sources: HashMap<Name, Kind>,
}

impl Kinds {
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        let mut kinds =
            Self { providers: BTreeMap::new(), resources: HashMap::new(), data_sources: HashMap::new() };
        for provider in providers {
            let schema = provider.schema();
            let kind = |schema: &Schema| Kind {
                provider: provider.clone(),
                provider_name: provider.schema().name,
                ty: Arc::new(schema.ty()),
                schema: Arc::new(schema.clone()),
            };
            kinds.resources.extend(schema.resources.iter().map(|s| (Name::from(s.name), kind(s))));
            kinds.data_sources.extend(schema.data_sources.iter().map(|s| (Name::from(s.name), kind(s))));
            kinds.providers.insert(schema.name, provider.clone());
        }
        kinds
    }

    pub fn get(&self, mode: Mode, name: &str) -> Option<&Kind> {
        match mode {
            Mode::Managed => self.resources.get(name),
            Mode::Data => self.data_sources.get(name),
        }
    }

    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }

    pub fn provider_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.providers.keys().copied()
    }

    /// Names of all types of that mode, for "did you mean".
    pub fn names(&self, mode: Mode) -> Vec<&str> {
        let map = if mode == Mode::Managed { &self.resources } else { &self.data_sources };
        let mut names: Vec<&str> = map.keys().map(|n| &**n).collect();
        names.sort_unstable();
        names
    }
}
