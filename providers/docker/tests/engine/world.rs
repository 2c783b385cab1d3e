use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions,
    RemoveContainerOptions, RemoveImageOptions, RemoveVolumeOptions,
};
use mprov_sdk::{
    Call, CancellationToken, Event, Events, Fault, Object, PlanRequest, Planned, Provider, Resource,
    Services, Session, Value, Verdict, convert,
};

const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 14] =
    ["sh", "sleep", "cat", "echo", "true", "false", "id", "ls", "grep", "kill", "env", "nc", "touch", "wget"];

/// One test's corner of the engine: everything in it has a random prefix and is removed when the
/// test ends, also by a panic.
pub struct World {
    pub docker: Docker,
    pub provider: Arc<dyn Provider>,
    pub session: Arc<dyn Session>,
    pub folder: tempfile::TempDir,
    pub prefix: String,
    pub events: Arc<Recorded>,
    image: tokio::sync::OnceCell<String>,
}

#[derive(Default)]
pub struct Recorded(pub Mutex<Vec<Event>>);

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

impl World {
    pub async fn new() -> Self {
        let provider = mprov_provider_docker::provider();
        let session = provider
            .configure(&Object::new(), Services::default())
            .await
            .expect("these tests need a running Docker engine");
        Self {
            docker: Docker::connect_with_unix_defaults()
                .expect("socket")
                .negotiate_version()
                .await
                .expect("version"),
            provider,
            session,
            folder: tempfile::tempdir().expect("folder"),
            prefix: format!("mprovtest{}", &uuid::Uuid::new_v4().simple().to_string()[..8]),
            events: Arc::default(),
            image: tokio::sync::OnceCell::new(),
        }
    }

    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    /// One call for an address; the token stands for a step.
    pub fn call(&self, token: &str) -> Call {
        Call {
            address: format!("test.{}", self.prefix).into(),
            token: format!("{}-{token}", self.prefix).into(),
            base_dir: self.folder.path().to_owned(),
            events: self.events.clone(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    pub fn resource(&self, kind: &str) -> Arc<dyn Resource> {
        self.session.resource(kind).expect("a known type")
    }

    pub fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folders");
        fs::write(&path, content).expect("file");
        path
    }

    /// A root file system with busybox, as a tarball.
    pub fn rootfs(&self) -> PathBuf {
        assert!(
            Path::new(BUSYBOX).exists(),
            "these tests need {BUSYBOX}, statically linked (apt-get install busybox-static)"
        );
        let path = self.folder.path().join("rootfs.tar");
        let mut tar = tar::Builder::new(fs::File::create(&path).expect("tarball"));
        for folder in ["bin", "etc", "run", "tmp", "proc", "sys", "dev"] {
            let mut header = header(tar::EntryType::Directory, if folder == "tmp" { 0o1777 } else { 0o755 });
            tar.append_data(&mut header, format!("{folder}/"), std::io::empty()).expect("folder");
        }
        let busybox = fs::read(BUSYBOX).expect("busybox");
        let mut header_of = |path: &str, mode: u32, content: &[u8]| {
            let mut header = header(tar::EntryType::Regular, mode);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content).expect("file");
        };
        header_of("bin/busybox", 0o755, &busybox);
        header_of("etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\nweb:x:33:33::/:/bin/sh\n");
        header_of("etc/group", 0o644, b"root:x:0:\nweb:x:33:\n");
        for applet in APPLETS {
            let mut header = header(tar::EntryType::Symlink, 0o777);
            tar.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("link");
        }
        tar.finish().expect("tarball");
        path
    }

    /// The test's image; its id.
    pub async fn image(&self) -> String {
        self.image.get_or_init(|| self.make_image()).await.clone()
    }

    async fn make_image(&self) -> String {
        self.rootfs();
        let config = Object::new()
            .with("name", self.name("base:1"))
            .with("rootfs", "rootfs.tar")
            .with("changes", Value::list(["ENV PATH=/bin".into(), "CMD [\"sleep\", \"1000\"]".into()]));
        let made = self.apply("docker_image", "base", config, None).await.expect("image");
        made.str("id").expect("id").to_owned()
    }

    /// The configuration as the planner gives it: every settable attribute, of its type.
    pub fn config(&self, kind: &str, given: Object) -> Object {
        let schema = self.provider.schema().resource(kind).expect("a known type");
        for name in given.keys() {
            assert!(schema.attributes.contains_key(name), "{kind} has no {name}");
        }
        let attributes = schema.attributes.iter().filter(|(_, a)| a.is_settable());
        let config: Object = attributes
            .map(|(name, attribute)| {
                let value = match given.get(name) {
                    Value::Null => attribute.default.clone().unwrap_or(Value::Null),
                    value => value.clone(),
                };
                (name.clone(), convert(&value, &attribute.ty).expect("a value of the type"))
            })
            .collect();
        let found = self.provider.validate(kind, &config);
        assert!(!found.has_errors(), "{found:?}");
        config
    }

    /// What would be done, with the world looked at.
    pub async fn plan(&self, kind: &str, given: Object, stored: Option<&Object>) -> Result<Planned, Fault> {
        let resource = self.resource(kind);
        let call = self.call("plan");
        let observed = match stored {
            Some(stored) => resource.read(&call, stored).await?,
            None => None,
        };
        let config = resource.prepare(&call, self.config(kind, given)).await?;
        let request = PlanRequest { config: &config, stored, observed: observed.as_ref() };
        Ok(self.provider.plan(kind, &request))
    }

    /// Plans and carries out; checks that the outcome is what was planned and that planning again
    /// finds nothing to do.
    pub async fn apply(
        &self,
        kind: &str,
        token: &str,
        given: Object,
        stored: Option<&Object>,
    ) -> Result<Object, Fault> {
        let resource = self.resource(kind);
        let planned = self.plan(kind, given.clone(), stored).await?;
        let call = self.call(token);
        let wanted = without_unknown(&planned.after);
        let done = match planned.verdict {
            Verdict::Nothing => return Ok(stored.expect("something stored").clone()),
            Verdict::Create => resource.create(&call, &wanted).await?,
            Verdict::Update => {
                let observed = resource.read(&call, stored.expect("something stored")).await?;
                resource.update(&call, &observed.expect("something to update"), &wanted).await?
            }
            Verdict::Replace => {
                resource.delete(&call, stored.expect("something stored")).await?;
                resource.create(&call, &wanted).await?
            }
        };
        for (name, value) in planned.after.iter().filter(|(_, v)| !v.is_unknown()) {
            assert!(value.same(done.get(name)), "{name}: planned {value:?}, made {:?}", done.get(name));
        }
        let again = self.plan(kind, given, Some(&done)).await?;
        assert_eq!(again.verdict, Verdict::Nothing, "planning again: {:?}", again.changes);
        Ok(done)
    }

    pub async fn delete(&self, kind: &str, stored: &Object) {
        let resource = self.resource(kind);
        resource.delete(&self.call("delete"), stored).await.expect("delete");
        resource.delete(&self.call("delete"), stored).await.expect("deleting again is success");
        let seen = resource.read(&self.call("read"), stored).await.expect("read");
        assert!(seen.is_none(), "it is still there");
    }

    pub async fn logs(&self, id: &str) -> String {
        use futures_util::TryStreamExt;
        let options =
            bollard::query_parameters::LogsOptions { stdout: true, stderr: true, ..Default::default() };
        let lines: Vec<_> = self.docker.logs(id, Some(options)).try_collect().await.expect("logs");
        lines.into_iter().map(|line| line.to_string()).collect()
    }
}

/// What the engine gives a provider: unknown values are left to it.
pub fn without_unknown(object: &Object) -> Object {
    object.iter().map(|(n, v)| (n.clone(), if v.is_unknown() { Value::Null } else { v.clone() })).collect()
}

pub fn blocks<const N: usize>(blocks: [Vec<(&'static str, Value)>; N]) -> Value {
    Value::list(blocks.into_iter().map(Value::object))
}

pub fn changed(planned: &Planned) -> Vec<String> {
    planned.changes.iter().map(|c| c.name.to_string()).collect()
}

fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}

impl Drop for World {
    fn drop(&mut self) {
        let (docker, prefix) = (self.docker.clone(), self.prefix.clone());
        let cleaning = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(clean(&docker, &prefix));
        });
        cleaning.join().expect("cleaning");
    }
}

async fn clean(docker: &Docker, prefix: &str) {
    let all = ListContainersOptions { all: true, ..Default::default() };
    for container in docker.list_containers(Some(all)).await.unwrap_or_default() {
        if container.names.iter().flatten().any(|n| n.trim_start_matches('/').starts_with(prefix)) {
            let options = RemoveContainerOptions { v: true, force: true, link: false };
            let _ = docker.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
        }
    }
    let volumes = docker.list_volumes(None::<ListVolumesOptions>).await.ok().and_then(|v| v.volumes);
    for volume in volumes.into_iter().flatten().filter(|v| is_of(v, prefix)) {
        let _ = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
    }
    for network in docker.list_networks(None::<ListNetworksOptions>).await.unwrap_or_default() {
        if network.name.is_some_and(|n| n.starts_with(prefix)) {
            let _ = docker.remove_network(&network.id.unwrap_or_default()).await;
        }
    }
    for image in docker.list_images(None::<ListImagesOptions>).await.unwrap_or_default() {
        for tag in image.repo_tags.iter().filter(|t| t.contains(prefix)) {
            let options = RemoveImageOptions { force: true, ..Default::default() };
            let _ = docker.remove_image(tag, Some(options), None).await;
        }
    }
}

fn is_of(volume: &bollard::models::Volume, prefix: &str) -> bool {
    let token = volume.labels.get("mprov.token");
    volume.name.starts_with(prefix) || token.is_some_and(|token| token.starts_with(prefix))
}
