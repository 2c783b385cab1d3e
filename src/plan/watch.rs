use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use mprov_sdk::{Address, Diagnostic, Event, Events, Fault};

use super::observer::{Activity, Observer, Outcome, RunEvent};

/// Tells the observer of a provider call's start and end.
pub async fn watched<T>(
    observer: &dyn Observer,
    address: &Address,
    activity: Activity,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let address = address.to_string();
    let started = Instant::now();
    observer.event(&RunEvent::Started { address: address.clone(), activity });
    let result = work.await;
    let outcome = match &result {
        Ok(_) => Outcome::Done,
        Err(fault) => Outcome::Failed(Box::new(fault_diagnostic(2050, fault, &address))),
    };
    observer.event(&RunEvent::Finished { address, activity, outcome, elapsed: started.elapsed(), id: None });
    result
}

/// A provider's fault as a diagnostic about that instance.
pub fn fault_diagnostic(code: u16, fault: &Fault, address: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(code, fault.summary.clone()).detail(fault.detail.clone()).address(address)
}

struct Relay {
    observer: Arc<dyn Observer>,
    address: String,
}

impl Events for Relay {
    fn emit(&self, event: Event) {
        self.observer.event(&RunEvent::Inside { address: self.address.clone(), event });
    }
}

/// Sends a provider call's own events on as that instance's.
pub fn relay(observer: Arc<dyn Observer>, address: &Address) -> Arc<dyn Events> {
    Arc::new(Relay { observer, address: address.to_string() })
}
