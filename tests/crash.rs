//! `kill -9` at every point of an apply and of a destroy that the journal can tell apart: before a
//! step's intention is written, before the provider acts, after it has acted, and after the
//! outcome is written. Then the ordinary program takes over, and has to converge without making
//! anything twice or forgetting anything.
//!
//! The process that is killed is this test program itself, run as a child, with a provider that
//! counts its calls around the simulated one.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mprov::catalog::Blueprints;
use mprov::config::load::variables::{Inputs, resolve};
use mprov::engine::Stop;
use mprov::plan::{Observer, PlanMode, RunEvent};
use mprov::workspace::{Ask, Surroundings, Workspace};
use mprov_sdk::{
    Call, DataSource, Diagnostics, Fault, Object, PlanRequest, Planned, Provider, ProviderSchema, Resource,
    Services, Session,
};
use mprov_state::{Holder, KeyPlace};
use nix::sys::signal::{Signal, raise};
use support::Folder;

const CONFIGURATION: &str = r#"
provider "sim" {
  world = "world"
}

resource "sim_endpoint" "cloud" {
  name = "cloud"
}

provider "sim" {
  alias          = "inner"
  world          = "world"
  endpoint       = sim_endpoint.cloud.url
  required_token = sim_endpoint.cloud.token
}

resource "sim_resource" "first" {
  provider = sim.inner
  name     = "first"
  secret   = core_random_password.secret.result
}

resource "core_random_password" "secret" {
  length = 12
}

resource "sim_resource" "many" {
  count = 3
  name  = "many-${count.index}"
  value = sim_resource.first.id
}

resource "sim_resource" "last" {
  name  = "last"
  zone  = "north"
  value = sim_resource.many[*].id

  lifecycle {
    create_before_destroy = true
  }
}
"#;

/// What the world holds when all is done.
const NAMES: [&str; 6] = ["cloud", "first", "last", "many-0", "many-1", "many-2"];

/// Dies when it has been passed so many times.
struct Tripwire {
    left: AtomicUsize,
}

impl Tripwire {
    fn pass(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            raise(Signal::SIGKILL).expect("a process can kill itself");
        }
    }
}

struct Watched {
    inner: Arc<dyn Provider>,
    wire: Arc<Tripwire>,
}

#[async_trait]
impl Provider for Watched {
    fn schema(&self) -> &ProviderSchema {
        self.inner.schema()
    }

    fn validate(&self, kind: &str, config: &Object) -> Diagnostics {
        self.inner.validate(kind, config)
    }

    fn plan(&self, kind: &str, request: &PlanRequest<'_>) -> Planned {
        self.inner.plan(kind, request)
    }

    async fn configure(&self, config: &Object, services: Services) -> Result<Arc<dyn Session>, Fault> {
        let inner = self.inner.configure(config, services).await?;
        Ok(Arc::new(WatchedSession { inner, wire: self.wire.clone() }))
    }
}

struct WatchedSession {
    inner: Arc<dyn Session>,
    wire: Arc<Tripwire>,
}

impl Session for WatchedSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let inner = self.inner.resource(kind)?;
        Some(Arc::new(WatchedResource { inner, wire: self.wire.clone() }))
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        self.inner.data_source(kind)
    }
}

struct WatchedResource {
    inner: Arc<dyn Resource>,
    wire: Arc<Tripwire>,
}

#[async_trait]
impl Resource for WatchedResource {
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        self.inner.prepare(call, config).await
    }

    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        self.inner.read(call, stored).await
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        self.wire.pass();
        let made = self.inner.create(call, planned).await;
        self.wire.pass();
        made
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        self.wire.pass();
        let changed = self.inner.update(call, prior, planned).await;
        self.wire.pass();
        changed
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        self.wire.pass();
        let deleted = self.inner.delete(call, prior).await;
        self.wire.pass();
        deleted
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        self.inner.find(call, planned).await
    }
}

/// Passes the wire before each intention and after each outcome.
struct Steps(Arc<Tripwire>);

impl Observer for Steps {
    fn event(&self, event: &RunEvent) {
        use mprov::plan::Activity::{Create, Delete, Update};
        match event {
            RunEvent::Started { activity: Create | Update | Delete, .. }
            | RunEvent::Finished { activity: Create | Update | Delete, .. } => self.0.pass(),
            _ => {}
        }
    }
}

/// The child's part: a run that dies at the given point. Nothing to do when this is the parent.
#[test]
fn child() {
    let Some(point) = std::env::var("CRASH_POINT").ok().and_then(|p| p.parse().ok()) else { return };
    let dir = std::env::current_dir().expect("a folder");
    let mode = std::env::var("CRASH_MODE").unwrap_or_default();
    let plan_mode = match mode.as_str() {
        "destroy" => PlanMode::Destroy,
        "rehearse" => PlanMode::Rehearse,
        _ => PlanMode::Normal,
    };
    let wire = Arc::new(Tripwire { left: AtomicUsize::new(point) });
    let providers = mprov::catalog::providers()
        .into_iter()
        .map(|inner| Arc::new(Watched { inner, wire: wire.clone() }) as Arc<dyn Provider>);
    let surroundings = Surroundings {
        dir: dir.clone(),
        keys: KeyPlace::Folder(dir.join("../home/.config/mprov/keys")),
        holder: Holder {
            pid: std::process::id(),
            user: "tester".into(),
            host: "here".into(),
            command: "mprov apply".into(),
            since: "2026-01-01T00:00:00Z".into(),
        },
        now: "2026-01-01T00:00:00Z".into(),
        clock: Arc::new(|| "2026-01-01T00:00:00Z".into()),
        nonce: mprov_state::new_lineage(),
        observer: Arc::new(Steps(wire.clone())),
        stop: Stop::default(),
        parallelism: 1,
    };
    let workspace = Workspace::open(surroundings, providers);
    let (configuration, _, diagnostics) = mprov::config::load::load(&dir, &Blueprints);
    let configuration = configuration.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let (variables, faults) = resolve(&configuration.root, &Inputs::default());
    assert!(!faults.has_errors(), "{faults:?}");
    let module = (plan_mode == PlanMode::Rehearse).then(|| "module.site".to_owned());
    let ask = Ask {
        mode: plan_mode,
        targets: module.iter().cloned().collect(),
        rehearse: module,
        refresh: true,
        variables,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let locked = workspace.lock().expect("the lock");
        let planning = match mode.as_str() {
            "rollback" => workspace.plan_recorded(&locked, |stored, kinds, nonce| {
                mprov::plan::rollback(stored, kinds, None, None, nonce)
            }),
            _ => workspace.plan(&locked, &configuration, ask).await,
        };
        let planning = planning.expect("a plan");
        assert!(planning.plan.refusals.is_empty(), "{:?}", planning.plan.refusals);
        let report = workspace.apply(&locked, planning, false).await.expect("an apply");
        assert!(report.is_success(), "{:?}", report.failures);
    });
}

/// Runs the child until the point. False if it came to its end before that.
fn killed_at(folder: &Folder, point: usize, mode: &str) -> bool {
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["child", "--exact", "--quiet"])
        .current_dir(folder.path())
        .env("CRASH_POINT", point.to_string())
        .env("CRASH_MODE", mode)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("the child starts");
    match status.signal() {
        Some(signal) => {
            assert_eq!(signal, Signal::SIGKILL as i32, "point {point} of {mode}");
            true
        }
        None => {
            assert!(status.success(), "point {point} of {mode}: the child failed by itself");
            false
        }
    }
}

#[track_caller]
fn the_world_holds(folder: &Folder, expected: &[&str], point: usize) {
    let objects = folder.world().objects().expect("the world");
    let mut names: Vec<String> = objects
        .iter()
        .map(|o| o.attributes.get("name").and_then(|n| n.as_str()).unwrap_or_default().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, expected, "after a kill at point {point}");
}

/// Kills at every point in turn. `begin` makes the folder, `recover` brings it to its end.
fn at_every_point(mode: &str, least: usize, begin: impl Fn() -> Folder, finish: impl Fn(&Folder, usize)) {
    let mut point = 1;
    loop {
        let folder = begin();
        let killed = killed_at(&folder, point, mode);
        // Readable after every kill, whatever state it was in.
        folder.state();
        folder.ok(&["state", "list"]);
        finish(&folder, point);
        if !killed {
            break;
        }
        point += 1;
    }
    assert!(point > least, "only {point} points were passed: the wire is not where it should be");
}

#[test]
fn an_apply_survives_a_kill_at_every_point() {
    at_every_point(
        "apply",
        24,
        || Folder::with(CONFIGURATION),
        |folder, point| {
            folder.ok(&["apply", "-auto-approve"]);
            folder.has_no_changes();
            the_world_holds(folder, &NAMES, point);
        },
    );
}

#[test]
fn a_destroy_survives_a_kill_at_every_point() {
    let begin = || {
        let folder = Folder::with(CONFIGURATION);
        folder.ok(&["apply", "-auto-approve"]);
        folder
    };
    at_every_point("destroy", 24, begin, |folder, point| {
        folder.ok(&["destroy", "-auto-approve"]);
        the_world_holds(folder, &[], point);
        let state = folder.state();
        assert!(state["resources"].as_object().is_none_or(|r| r.is_empty()), "{state}");
    });
}

#[test]
fn updates_and_replacements_survive_a_kill_at_every_point() {
    let begin = || {
        let folder = Folder::with(CONFIGURATION);
        folder.ok(&["apply", "-auto-approve"]);
        // In place, delete first and create first, in one plan.
        let changed = CONFIGURATION
            .replace("\"north\"", "\"south\"")
            .replace("name  = \"many-${count.index}\"", "name  = \"many-${count.index}\"\n  zone  = \"east\"")
            .replace("length = 12", "length = 13");
        folder.write("main.mprov.hcl", &changed);
        folder
    };
    at_every_point("apply", 24, begin, |folder, point| {
        folder.ok(&["apply", "-auto-approve"]);
        folder.has_no_changes();
        the_world_holds(folder, &NAMES, point);
    });
}

const ROLLOUT: &str = include_str!("golden/rollout/main.mprov.hcl");
const SITE: &str = include_str!("golden/rollout/site/site.mprov.hcl");

/// A site on release 1.0, and what is asked of it now.
fn rollout(release: &str) -> Folder {
    let folder = Folder::with(ROLLOUT);
    folder.write("site/site.mprov.hcl", SITE);
    folder.ok(&["apply", "-auto-approve"]);
    folder.write("main.mprov.hcl", &ROLLOUT.replace("\"1.0\"", &format!("\"{release}\"")));
    folder
}

/// The world's objects of the things that tell which generation users are on.
fn users_are_on(folder: &Folder, point: usize) -> String {
    let objects = folder.world().objects().expect("the world");
    let attribute = |name: &str, key: &str| {
        let named = |o: &&mprov_provider_sim::WorldObject| o.attributes["name"] == name;
        objects.iter().find(named).map(|o| o.attributes[key].clone())
    };
    assert_eq!(attribute("route", "frozen"), Some(false.into()), "users are kept out after point {point}");
    let upstream = attribute("route", "value").expect("the route is there");
    let live =
        upstream.as_str().and_then(|u| u.strip_prefix("web-")?.strip_suffix(":80")).expect("an upstream");
    assert!(attribute(&format!("web-{live}"), "name").is_some(), "{live} is there after point {point}");
    assert_eq!(attribute(&format!("drain-{live}"), "value"), Some("open".into()), "point {point}");
    live.to_owned()
}

fn crons(folder: &Folder) -> Vec<String> {
    let objects = folder.world().objects().expect("the world");
    let names = objects.iter().filter_map(|o| o.attributes["name"].as_str().map(str::to_owned));
    names.filter(|n| n.starts_with("cron-")).collect()
}

#[test]
fn a_cut_over_survives_a_kill_at_every_point() {
    let begin = || {
        let folder = rollout("2.0");
        folder.ok(&["rehearse", "-auto-approve"]);
        folder
    };
    let finish = |folder: &Folder, point: usize| {
        // Whatever command comes next brings users back, to the old generation or to the new one.
        folder.run(&["plan"]);
        let live = users_are_on(folder, point);
        if live == "g1" {
            assert_eq!(crons(folder), ["cron-g1"], "point {point}");
        }
        folder.ok(&["apply", "-auto-approve"]);
        folder.has_no_changes();
        let live = users_are_on(folder, point);
        assert_ne!(live, "g1", "point {point}");
        assert_eq!(crons(folder), [format!("cron-{live}")], "point {point}");
        let mut expected: Vec<String> = ["database", "drain", "web"]
            .iter()
            .flat_map(|kind| ["g1".to_owned(), live.clone()].map(|g| format!("{kind}-{g}")))
            .chain([format!("cron-{live}"), "image-2.0".into(), "route".into()])
            .chain(["network-1".into()])
            .collect();
        let objects = folder.world().objects().expect("the world");
        let mut names: Vec<String> =
            objects.iter().map(|o| o.attributes["name"].as_str().unwrap_or_default().to_owned()).collect();
        let network = names.iter().find(|n| n.starts_with("network-") && *n != "network-1").expect("its own");
        expected.push(network.clone());
        names.sort();
        expected.sort();
        assert_eq!(names, expected, "after a kill at point {point}");
    };
    at_every_point("apply", 50, begin, finish);
}

#[test]
fn a_rehearsal_survives_a_kill_at_every_point() {
    at_every_point(
        "rehearse",
        18,
        || rollout("2.0"),
        |folder, point| {
            folder.run(&["plan"]);
            assert_eq!(users_are_on(folder, point), "g1");
            folder.ok(&["rehearse", "-auto-approve"]);
            assert_eq!(crons(folder), ["cron-g1"], "a rehearsal runs none; point {point}");
            folder.ok(&["apply", "-auto-approve"]);
            folder.has_no_changes();
            assert_ne!(users_are_on(folder, point), "g1");
        },
    );
}

#[test]
fn a_rollback_survives_a_kill_at_every_point() {
    let begin = || {
        let folder = rollout("2.0");
        folder.ok(&["rehearse", "-auto-approve"]);
        folder.ok(&["apply", "-auto-approve"]);
        folder
    };
    at_every_point("rollback", 10, begin, |folder, point| {
        folder.run(&["plan"]);
        users_are_on(folder, point);
        // Done already, or done now.
        let ended = folder.run(&["rollback", "-auto-approve"]);
        assert!(ended.code == Some(0) || ended.text().contains("nothing to go back to"), "{}", ended.text());
        assert_eq!(users_are_on(folder, point), "g1");
        assert_eq!(crons(folder), ["cron-g1"], "point {point}");
    });
}
