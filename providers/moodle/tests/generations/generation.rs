//! One generation of a site: its data, its database, its web server, and the provider's view of it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use mprov_sdk::{
    Call, CancellationToken, DataSource, Event, Events, Fault, Object, Resource, Services, Session, Value,
};

use crate::docker::{docker, remove_all, shell};
use crate::exec::DockerExec;
use crate::images::{Code, app, image, text};

pub const PASSWORD: &str = "Admin-canary-1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Mariadb,
    Postgres,
}

impl Engine {
    fn image(self) -> String {
        match self {
            Self::Mariadb => image("mariadb"),
            Self::Postgres => image("postgres"),
        }
    }

    /// Where its data are mounted, what it is told to be small, its name in Moodle, its port.
    fn facts(self) -> (&'static str, &'static [&'static str], &'static str, u16) {
        match self {
            Self::Mariadb => (
                "/var/lib/mysql",
                &["--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M"],
                "mariadb",
                3306,
            ),
            Self::Postgres => ("/var/lib/postgresql/data", &["-c", "shared_buffers=32MB"], "pgsql", 5432),
        }
    }
}

/// What a call of the provider said.
#[derive(Default)]
pub struct Recorded(Mutex<Vec<Event>>);

impl Events for Recorded {
    fn emit(&self, event: Event) {
        self.0.lock().expect("lock").push(event);
    }
}

impl Recorded {
    pub fn text(&self) -> String {
        format!("{:?}", self.0.lock().expect("lock"))
    }
}

pub struct Generation {
    /// Prefix of all that is its own in Docker; also its identity.
    pub name: String,
    pub engine: Engine,
    pub folder: tempfile::TempDir,
    pub events: Arc<Recorded>,
    session: Arc<dyn Session>,
}

impl Generation {
    /// Of new data, or of a copy of a folder's.
    pub async fn start(engine: Engine, code: Code, data: Option<&Path>) -> Self {
        let it = Self::new(engine, data).await;
        it.start_database(&it.name);
        it.start_web(code, &it.database());
        it
    }

    /// Without any container yet.
    pub async fn new(engine: Engine, data: Option<&Path>) -> Self {
        let name = format!("mprov-moodle-{:012x}", RandomState::new().hash_one(0) >> 16);
        let services = Services { containers: Some(Arc::new(DockerExec)), ..Services::default() };
        let session = mprov_provider_moodle::provider().configure(&Object::new(), services).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let session = session.expect("a session");
        let it = Self { name, engine, folder, events: Arc::default(), session };
        match data {
            Some(data) => copy(data, &it.data()),
            None => {
                ["db", "files"].iter().for_each(|f| fs::create_dir_all(it.data().join(f)).expect("a folder"))
            }
        }
        docker(&["network", "create", &it.name]);
        it
    }

    /// Database and files, as one volume would hold them.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn database(&self) -> String {
        format!("{}-db", self.name)
    }

    pub fn web(&self) -> String {
        format!("{}-web", self.name)
    }

    /// Without an identity where it is empty.
    pub fn start_database(&self, identity: &str) {
        let (target, arguments, _, _) = self.engine.facts();
        let (image, name) = (self.engine.image(), self.database());
        let mount = format!("{}/db:{target}", self.data().display());
        let secret =
            format!("{}:/run/secrets/db_password:ro", self.write("db_password", "db-canary").display());
        let identity = format!("MPROV_IDENTITY={identity}");
        let run = ["run", "-d", "--name", &name, "--network", &self.name, "-e", &identity];
        docker(&[&run[..], &["-v", &mount, "-v", &secret, &image], arguments].concat());
    }

    /// At the database of that container.
    pub fn start_web(&self, code: Code, database: &str) {
        let (_, _, dbtype, port) = self.engine.facts();
        let (name, image) = (self.web(), app(code));
        let config = text("examples/images/web/config.php.example")
            .replace("$CFG->dbtype    = 'mariadb';", &format!("$CFG->dbtype = '{dbtype}';"))
            .replace("$CFG->dbhost    = 'db';", &format!("$CFG->dbhost = '{database}';"))
            .replace("'dbport'      => 3306,", &format!("'dbport' => {port},"))
            .replace("https://moodle.example.org", "http://moodle.example.org")
            .replace("$CFG->sslproxy      = true;", "");
        assert!(config.contains(database) && config.contains(&port.to_string()), "{config}");
        let dirroot = format!("/var/www/html{}", if code.has_public() { "/public" } else { "" });
        let site =
            format!(r#"{{"dbtype":"{dbtype}","dbhost":"{database}","dbport":{port},"dirroot":"{dirroot}"}}"#);
        let mount = |path: PathBuf, target: &str| format!("{}:{target}:ro", path.display());
        let mounts = [
            mount(self.write("config.php", &config), "/etc/moodle/config.php"),
            mount(self.write("site.json", &site), "/etc/moodle/site.json"),
            mount(self.write("db_password", "db-canary"), "/run/secrets/db_password"),
            format!("{}/files:/var/moodledata", self.data().display()),
        ];
        let mounts = mounts.iter().flat_map(|m| ["-v", m.as_str()]);
        let run = ["run", "-d", "--name", &name, "--network", &self.name, "-e", "STANDIN_STEP_MS=5"];
        docker(&run.into_iter().chain(mounts).chain([image.as_str()]).collect::<Vec<_>>());
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        path
    }

    /// Stops writing, so that its data can be copied.
    pub fn stop(&self) {
        docker(&["stop", "-t", "60", &self.web(), &self.database()]);
    }

    /// Runs PHP after Moodle's start, as the web user.
    #[track_caller]
    pub fn moodle(&self, code: &str) -> String {
        let start = "define('CLI_SCRIPT', true); require '/var/www/html/config.php';";
        docker(&["exec", "-u", "www-data", &self.web(), "php", "-r", &format!("{start} {code}")])
    }

    /// A core setting, past Moodle.
    #[track_caller]
    pub fn setting(&self, name: &str) -> String {
        let code = format!("echo site::load()->config('{name}')['{name}'] ?? '';");
        let code = format!("require '/usr/share/mprov/site.php'; {code}");
        docker(&["exec", "-u", "www-data", &self.web(), "php", "-r", &code])
    }

    #[track_caller]
    pub fn sql(&self, sql: &str) {
        let code = format!("require '/usr/share/mprov/site.php'; site::load()->pdo()->exec(\"{sql}\");");
        docker(&["exec", "-u", "www-data", &self.web(), "php", "-r", &code]);
    }

    pub fn durability(&self) -> String {
        shell(&self.database(), "durability status")
    }

    pub fn call(&self) -> Call {
        Call {
            address: "moodle_site.test".into(),
            token: self.name.as_str().into(),
            base_dir: self.folder.path().to_owned(),
            events: self.events.clone(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    pub fn resource(&self, kind: &str) -> Arc<dyn Resource> {
        self.session.resource(kind).expect("a known type")
    }

    pub fn data_source(&self, kind: &str) -> Arc<dyn DataSource> {
        self.session.data_source(kind).expect("a known type")
    }

    pub async fn create(&self, kind: &str, planned: &Object) -> Result<Object, Fault> {
        self.resource(kind).create(&self.call(), planned).await
    }

    /// The installed site with the attributes that the planner would fill in.
    pub fn site(&self, more: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
        let given: [(&str, Value); 6] = [
            ("container", self.web().into()),
            ("admin_email", "admin@example.org".into()),
            ("admin_password", Value::from(PASSWORD).sensitive()),
            ("full_name", "Test".into()),
            ("short_name", "t".into()),
            ("wait_timeout", "2m".into()),
        ];
        desired("moodle_site", given.into_iter().chain(more))
    }

    /// A clone's: upgraded, once it is sure whose it is, with its database at hand.
    pub fn upgraded_site(&self) -> Object {
        self.site([
            ("upgrade", true.into()),
            ("identity", self.name.clone().into()),
            ("database_container", self.database().into()),
        ])
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        remove_all(&self.name);
    }
}

/// The attributes of a resource as the planner makes them: defaults filled in, the rest null.
#[track_caller]
pub fn desired(kind: &str, given: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
    let provider = mprov_provider_moodle::provider();
    let schema = provider.schema().resource(kind).expect("a known type");
    let given: Object = given.into_iter().collect();
    let filled: Object = schema
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let value = given.lookup(name).cloned().or(attribute.default.clone()).unwrap_or(Value::Null);
            (name.clone(), value)
        })
        .collect();
    let found = provider.validate(kind, &filled);
    assert!(!found.has_errors(), "{found:?}");
    filled
}

pub fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-a", "--reflink=auto"]).args([from, to]).status();
    assert!(done.expect("cp starts").success());
}
