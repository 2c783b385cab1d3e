use std::sync::Arc;

use mprov_sdk::{Call, Fault, Mode, Object};
use tokio::sync::Semaphore;

use super::sessions::Sessions;

/// A question to a provider in planning.
pub struct Look {
    pub kind: String,
    pub mode: Mode,
    pub provider: String,
    pub call: Call,
    pub config: Object,
    /// Set where the world is to be read.
    pub stored: Option<Object>,
}

/// The answer.
pub struct Seen {
    /// What is there now; none if it is gone, or was not asked for.
    pub observed: Option<Object>,
    /// The configuration, completed by what inputs outside of HCL decide.
    pub config: Object,
}

/// Asks, with a bounded number of questions under way.
pub async fn look(look: &Look, sessions: &Sessions, limit: &Arc<Semaphore>) -> Result<Seen, Fault> {
    let _permit = limit.acquire().await.map_err(|_| Fault::new("planning was stopped"))?;
    let session = sessions.get(&look.provider).await?;
    let missing = || Fault::new(format!("provider \"{}\" does not offer {}", look.provider, look.kind));
    if look.mode == Mode::Data {
        let source = session.data_source(&look.kind).ok_or_else(missing)?;
        let observed = source.read(&look.call, &look.config).await?;
        return Ok(Seen { observed: Some(observed), config: look.config.clone() });
    }
    let resource = session.resource(&look.kind).ok_or_else(missing)?;
    let observed = match &look.stored {
        Some(stored) => resource.read(&look.call, stored).await?,
        None => None,
    };
    let config = resource.prepare(&look.call, look.config.clone()).await?;
    Ok(Seen { observed, config })
}
