use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::{Call, Fault, FileWrite, Machine, Resource, Session};
use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::admin::{Admin, AdminError, Current};
use crate::configuration::{self, Unusable};
use crate::model::Model;
use crate::place::Place;
use crate::render::{self, Mounts};
use crate::resource::{certificate, route, server};
use crate::slot::Slot;
use crate::state::StateFiles;

/// How long a proxy that was just started may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(100);
/// Tries when somebody else changes the configuration at the same time.
const CHANGE_TRIES: usize = 5;

/// One proxy, as the resources work on it.
pub struct Proxy {
    pub place: Place,
    pub machine: Arc<dyn Machine>,
    admin: Admin,
    /// The configuration is changed as a whole, so changes go one after the other.
    changing: Mutex<()>,
}

/// What there is: the configuration in force and the one that a restart would bring back.
pub struct Observed {
    /// None while the proxy does not run.
    pub running: Option<Json>,
    pub saved: Option<Json>,
}

/// Whether a change may be made while the proxy does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The proxy has to check and to take the change: it is waited for.
    Running,
    /// Taking something away needs no check; it is enough that it does not come back.
    Saved,
}

impl Proxy {
    pub fn new(place: Place, machine: Arc<dyn Machine>) -> Result<Self, Fault> {
        let admin = Admin::new(&place.endpoint, machine.clone())?;
        Ok(Self { place, machine, admin, changing: Mutex::new(()) })
    }

    pub fn state_files(&self, hostname: &str) -> StateFiles<'_> {
        StateFiles::new(&*self.machine, &self.place.state, hostname)
    }

    /// Does not wait for a proxy that is down: that it is so is an observation.
    pub async fn observe(&self) -> Result<Observed, Fault> {
        let running = match self.admin.get().await {
            Ok(current) => Some(current.config),
            Err(AdminError::Down(_)) => None,
            Err(other) => return Err(fault(other)),
        };
        Ok(Observed { running, saved: self.saved().await? })
    }

    /// How many requests of users that slot is working on. None while the proxy does not run.
    pub async fn in_flight(&self, hostname: &str, slot: Slot) -> Result<u64, Fault> {
        match self.admin.in_flight(&render::counted_as(hostname, slot)).await {
            Ok(requests) => Ok(requests),
            Err(AdminError::Down(_)) => Ok(0),
            Err(other) => Err(fault(other)),
        }
    }

    /// Changes the model, puts the configuration that follows from it in force and saves it.
    ///
    /// The proxy checks a configuration before it takes it; when it refuses, it goes on with the
    /// old one and nothing is saved. A death between the two steps leaves the saved file one
    /// change behind, which reads as a difference and is repaired by the next apply.
    pub async fn change(
        &self,
        call: &Call,
        needs: Needs,
        edit: impl Fn(&mut Model) -> Result<(), Fault> + Send + Sync,
    ) -> Result<Model, Fault> {
        let _one_at_a_time = self.changing.lock().await;
        for _ in 0..CHANGE_TRIES {
            let Some(current) = self.current(call, needs).await? else {
                return self.change_saved(&edit).await;
            };
            let mut model = configuration::model(&current.config).map_err(unusable)?;
            edit(&mut model)?;
            let wanted = self.render(&model, &current.config);
            if wanted != current.config {
                match self.admin.load(&wanted, current.etag.as_deref()).await {
                    Ok(()) => {}
                    Err(AdminError::Changed) => continue,
                    Err(other) => return Err(fault(other)),
                }
            }
            self.save(&wanted).await?;
            return Ok(model);
        }
        Err(Fault::new("the proxy's configuration does not stand still")
            .detail("Another program changes it at the same time. Find it, stop it, and apply again."))
    }

    /// The configuration that follows from the model, with what belongs to the machine from
    /// `base`.
    pub fn render(&self, model: &Model, base: &Json) -> Json {
        let certificates = self.place.certificates_mount();
        let probe = render::probe_listen(base);
        let mounts =
            Mounts { state: &self.place.state_mount, certificates: &certificates, probe: probe.as_deref() };
        render::configuration(model, base, mounts)
    }

    /// Writes a file that the proxy may read and nobody else.
    pub async fn write_private(&self, path: &Path, content: Vec<u8>) -> Result<(), Fault> {
        self.machine
            .write_file(FileWrite {
                path: path.to_string_lossy().into_owned(),
                content,
                mode: 0o640,
                owner: None,
                group: Some(self.place.group.clone()),
            })
            .await
    }

    async fn current(&self, call: &Call, needs: Needs) -> Result<Option<Current>, Fault> {
        let begin = Instant::now();
        loop {
            let why = match self.admin.get().await {
                Ok(current) => return Ok(Some(current)),
                Err(AdminError::Down(_)) if needs == Needs::Saved => return Ok(None),
                Err(AdminError::Down(why)) => why,
                Err(other) => return Err(fault(other)),
            };
            if begin.elapsed() > START_LIMIT {
                return Err(Fault::new("the proxy does not answer on its admin socket").detail(format!(
                    "Waited {} s: {why}. Is its container running, and is the folder of the socket mounted \
                     into it? Its log says more.",
                    START_LIMIT.as_secs()
                )));
            }
            call.events.progress("waiting for the proxy");
            tokio::select! {
                () = tokio::time::sleep(START_POLL) => {}
                () = call.cancel.cancelled() => {
                    return Err(Fault::new("interrupted while waiting for the proxy"));
                }
            }
        }
    }

    async fn change_saved(
        &self,
        edit: &(impl Fn(&mut Model) -> Result<(), Fault> + Send + Sync),
    ) -> Result<Model, Fault> {
        let Some(saved) = self.saved().await? else { return Ok(Model::default()) };
        let mut model = configuration::model(&saved).map_err(unusable)?;
        edit(&mut model)?;
        self.save(&self.render(&model, &saved)).await?;
        Ok(model)
    }

    async fn saved(&self) -> Result<Option<Json>, Fault> {
        let Some(bytes) = self.machine.read_file(&self.config_path()).await? else { return Ok(None) };
        // A file that is no JSON would not bring the proxy back: as good as none, and the next
        // change replaces it.
        Ok(serde_json::from_slice(&bytes).ok())
    }

    async fn save(&self, config: &Json) -> Result<(), Fault> {
        if self.saved().await?.as_ref() == Some(config) {
            return Ok(());
        }
        if let Some(folder) = self.place.config_file.parent() {
            self.machine.create_dir(&folder.to_string_lossy(), 0o755).await?;
        }
        let mut text = serde_json::to_vec_pretty(config).expect("a JSON value can be written");
        text.push(b'\n');
        self.write_private(&self.place.config_file, text).await
    }

    fn config_path(&self) -> String {
        self.place.config_file.to_string_lossy().into_owned()
    }
}

impl Observed {
    /// What counts as there: in force, or, while the proxy is down, what it will come back with.
    pub fn effective(&self) -> Option<&Json> {
        self.running.as_ref().or(self.saved.as_ref())
    }

    pub fn model(&self) -> Result<Model, Fault> {
        match self.effective() {
            Some(config) => configuration::model(config).map_err(unusable),
            None => Ok(Model::default()),
        }
    }

    /// Which of the two configurations differs in a part from what mprov would have made of the
    /// model, in words; none where all is as it should be.
    pub fn difference<T: PartialEq>(
        &self,
        proxy: &Proxy,
        part: impl Fn(&Json) -> T,
    ) -> Result<Option<String>, Fault> {
        let Some(effective) = self.effective() else { return Ok(None) };
        let wanted = proxy.render(&self.model()?, effective);
        if part(effective) != part(&wanted) {
            return Ok(Some(match configuration::is_as_made(effective) {
                true => "the configuration in force was made by another version of mprov".into(),
                false => "the configuration in force was edited by hand".into(),
            }));
        }
        match &self.saved {
            Some(saved) if part(saved) == part(&wanted) => Ok(None),
            Some(_) => Ok(Some("the saved configuration is another one".into())),
            None => Ok(Some("there is no saved configuration: a restart would forget it".into())),
        }
    }
}

impl Session for ProxySession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let proxy = self.0.clone();
        Some(match kind {
            server::KIND => Arc::new(server::ServerResource(proxy)),
            certificate::KIND => Arc::new(certificate::CertificateResource(proxy)),
            route::KIND => Arc::new(route::RouteResource(proxy)),
            _ => return None,
        })
    }
}

/// The session that the provider hands out.
pub struct ProxySession(pub Arc<Proxy>);

fn fault(error: AdminError) -> Fault {
    match error {
        AdminError::Down(why) => Fault::new("the proxy does not run").detail(why),
        AdminError::Changed => Fault::new("the proxy's configuration was changed at the same time"),
        AdminError::Refused(why) => Fault::new("the proxy refused the configuration and keeps the old one")
            .detail(format!("{why}\nNothing has changed for users.")),
        AdminError::Failed(fault) => fault,
    }
}

fn unusable(why: Unusable) -> Fault {
    match why {
        Unusable::Foreign => Fault::new("the proxy serves a configuration that is not mprov's").detail(
            "It would be lost. Give mprov a proxy of its own, or empty this one's configuration first.",
        ),
        Unusable::Version(version) => Fault::new("the proxy's configuration comes from another mprov")
            .detail(format!(
                "It has format {version}, which this version does not know. Use the newer mprov."
            )),
        Unusable::Damaged(why) => Fault::new("the proxy's configuration was damaged").detail(format!(
            "What mprov keeps in it cannot be read: {why}. Remove the saved configuration and restart the \
             proxy; the next apply makes everything anew."
        )),
    }
}
