use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mprov_sdk::{Fault, Object, Provider, Services, Session};
use tokio::sync::OnceCell;

use super::Kinds;

/// How a provider configuration connects: all values are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The provider's name.
    pub provider: String,
    pub config: Object,
    /// Addresses of the configurations through which it reaches machines and containers.
    pub uses: Vec<String>,
}

struct Entry {
    connection: Connection,
    session: OnceCell<Arc<dyn Session>>,
}

/// Provider configurations of a run by address, each connected when it is first needed.
pub struct Sessions {
    kinds: Arc<Kinds>,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

impl Sessions {
    pub fn new(kinds: Arc<Kinds>) -> Self {
        Self { kinds, entries: Mutex::default() }
    }

    /// Makes a configuration known. A session that was connected with the same one stays.
    pub fn declare(&self, address: &str, connection: Connection) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.get(address).is_none_or(|e| e.connection != connection) {
            let entry = Entry { connection, session: OnceCell::new() };
            entries.insert(address.to_owned(), Arc::new(entry));
        }
    }

    pub fn connection(&self, address: &str) -> Option<Connection> {
        Some(self.entry(address)?.connection.clone())
    }

    /// The session of that address, connecting it and what it uses if need be.
    pub async fn get(&self, address: &str) -> Result<Arc<dyn Session>, Fault> {
        let Some(entry) = self.entry(address) else {
            return Err(Fault::new(format!("provider \"{address}\" has no configuration yet")));
        };
        let session = entry.session.get_or_try_init(|| self.connect(&entry.connection)).await?;
        Ok(session.clone())
    }

    fn entry(&self, address: &str) -> Option<Arc<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    async fn connect(&self, connection: &Connection) -> Result<Arc<dyn Session>, Fault> {
        let Some(provider) = self.kinds.provider(&connection.provider) else {
            return Err(Fault::new(format!("there is no provider \"{}\"", connection.provider)));
        };
        let mut services = Services::default();
        for used in &connection.uses {
            let lent = Box::pin(self.get(used)).await?.services();
            services.containers = services.containers.or(lent.containers);
            services.machine = services.machine.or(lent.machine);
        }
        configure(provider.as_ref(), &connection.config, services).await
    }
}

async fn configure(
    provider: &dyn Provider,
    config: &Object,
    services: Services,
) -> Result<Arc<dyn Session>, Fault> {
    provider.configure(config, services).await.map_err(|fault| Fault {
        summary: format!("provider \"{}\" cannot be configured: {}", provider.schema().name, fault.summary),
        ..fault
    })
}
