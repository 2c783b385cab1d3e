//! What the tests of the provider share: the calls of an engine, without the engine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mprov_sdk::{
    Call, CancellationToken, DataSource, Event, Events, Fault, Object, PlanRequest, Planned, Provider,
    Resource, Services, Session, Value, Verdict,
};

use crate::fstab::Fstab;
use crate::provider::with_fstab;
use crate::sshd::Sshd;

#[derive(Default)]
pub struct Recorded(pub Mutex<Vec<Event>>);

impl Events for Recorded {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// The variable by which a run of these tests over SSH knows its server.
const OVER_SSH: &str = "MPROV_HOST_TESTS_OVER_SSH";

/// The provider's configuration for a server of the tests.
pub fn over(sshd: &Sshd) -> Object {
    configuration(sshd.port, &sshd.path(""))
}

fn configuration(port: u16, folder: &Path) -> Object {
    let text = std::fs::read_to_string(folder.join("host.pub")).unwrap();
    let key = text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Object::new()
        .with("address", "127.0.0.1")
        .with("port", i64::from(port))
        .with("private_key_file", folder.join("user").display().to_string())
        .with("host_keys", Value::list([Value::from(key)]))
        .with("wait", "0s")
}

/// For a process of these tests that is to run over the server.
pub fn lend(sshd: &Sshd, command: &mut std::process::Command) {
    command.env(OVER_SSH, format!("{}:{}", sshd.port, sshd.path("").display()));
}

/// The configuration that these tests were lent; that of the local machine where there is none.
fn inherited() -> Object {
    let Ok(lent) = std::env::var(OVER_SSH) else { return Object::new() };
    let (port, folder) = lent.split_once(':').expect("as it was lent");
    configuration(port.parse().expect("a port"), Path::new(folder))
}

static NEXT: AtomicU64 = AtomicU64::new(0);

pub struct Rig {
    pub provider: Arc<dyn Provider>,
    pub session: Arc<dyn Session>,
    pub folder: PathBuf,
    pub events: Arc<Recorded>,
    pub cancel: CancellationToken,
    /// Holds the table of what is mounted at boot, and nothing else.
    table: tempfile::TempDir,
    number: u64,
    _owned: Option<tempfile::TempDir>,
}

impl Rig {
    pub async fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        Self { _owned: Some(owned), ..Self::at(Path::new("")).await }.moved()
    }

    /// In a folder of the caller's.
    pub async fn at(folder: &Path) -> Self {
        let table = tempfile::tempdir().unwrap();
        let fstab = Fstab(table.path().join("fstab").to_str().unwrap().to_owned());
        let provider = with_fstab(fstab);
        let session = provider.configure(&inherited(), Services::default()).await.unwrap();
        Self {
            provider,
            session,
            folder: folder.to_owned(),
            events: Arc::default(),
            cancel: CancellationToken::new(),
            table,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            _owned: None,
        }
    }

    fn moved(mut self) -> Self {
        self.folder = self._owned.as_ref().unwrap().path().to_owned();
        self
    }

    /// Tokens are unique on the machine, and tests run at the same time.
    pub fn token(&self, name: &str) -> String {
        format!("{name}x{}x{}", std::process::id(), self.number)
    }

    pub fn call(&self, token: &str) -> Call {
        Call {
            address: "host_thing.a".into(),
            token: self.token(token).into(),
            base_dir: self.folder.clone(),
            events: self.events.clone(),
            cancel: self.cancel.clone(),
            read_only: None,
        }
    }

    pub fn resource(&self, kind: &str) -> Arc<dyn Resource> {
        self.session.resource(kind).unwrap()
    }

    pub fn data(&self, kind: &str) -> Arc<dyn DataSource> {
        self.session.data_source(kind).unwrap()
    }

    /// The configuration with its defaults.
    pub fn full(&self, kind: &str, config: &Object) -> Object {
        let schema = self.provider.schema().resource(kind).unwrap();
        let settable = schema.attributes.iter().filter(|(_, a)| a.is_settable());
        settable
            .map(|(name, a)| match config[name].is_null() {
                true => (name.clone(), a.default.clone().unwrap_or(Value::Null)),
                false => (name.clone(), config[name].clone()),
            })
            .collect()
    }

    /// What a plan decides, with what it has seen.
    pub async fn plan(
        &self,
        kind: &str,
        config: &Object,
        stored: Option<&Object>,
    ) -> Result<(Planned, Option<Object>), Fault> {
        let resource = self.resource(kind);
        let call = self.call("");
        let observed = match stored {
            Some(stored) => resource.read(&call, stored).await?,
            None => None,
        };
        let config = resource.prepare(&call, self.full(kind, config)).await?;
        let request = PlanRequest { config: &config, stored, observed: observed.as_ref() };
        Ok((self.provider.plan(kind, &request), observed))
    }

    pub async fn verdict(&self, kind: &str, config: &Object, stored: &Object) -> Verdict {
        self.plan(kind, config, Some(stored)).await.unwrap().0.verdict
    }

    pub async fn create(&self, kind: &str, config: &Object, token: &str) -> Result<Object, Fault> {
        let (planned, _) = self.plan(kind, config, None).await?;
        assert_eq!(planned.verdict, Verdict::Create);
        self.resource(kind).create(&self.call(token), &known(planned.after)).await
    }

    /// Plans and carries out an update.
    pub async fn update(&self, kind: &str, config: &Object, stored: &Object) -> Result<Object, Fault> {
        let (planned, observed) = self.plan(kind, config, Some(stored)).await?;
        assert_eq!(planned.verdict, Verdict::Update, "{:?}", planned.changes);
        let prior = observed.unwrap();
        self.resource(kind).update(&self.call("update"), &prior, &known(planned.after)).await
    }

    pub async fn find(&self, kind: &str, config: &Object, token: &str) -> Result<Option<Object>, Fault> {
        let (planned, _) = self.plan(kind, config, None).await?;
        self.resource(kind).find(&self.call(token), &known(planned.after)).await
    }

    pub async fn delete(&self, kind: &str, stored: &Object) -> Result<(), Fault> {
        self.resource(kind).delete(&self.call("delete"), stored).await
    }

    /// Everything in the folder, hidden names as well.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What is mounted at boot.
    pub fn fstab(&self) -> String {
        std::fs::read_to_string(self.table.path().join("fstab")).unwrap_or_default()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn mode(&self, name: &str) -> u32 {
        std::fs::symlink_metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// As the engine does: what is still unknown is left to the provider.
pub fn known(object: Object) -> Object {
    object.into_iter().map(|(n, v)| (n, if v.is_unknown() { Value::Null } else { v })).collect()
}

/// Tests that change owners or mount filesystems cannot pass for anybody else.
pub fn must_be_root() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: it changes owners and mounts");
}
