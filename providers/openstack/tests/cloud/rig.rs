//! The cloud of a test run: built once, started once, and taken away when this process ends,
//! however it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const CACHE: &str = "mprov-test-cache";
/// A machine that is busy with other things needs minutes for it.
const START: Duration = Duration::from_secs(900);

pub struct Rig {
    /// Name of its container and network, label of all that it makes.
    pub id: String,
    pub address: String,
}

/// The one of this process.
pub fn rig() -> &'static Rig {
    static RIG: OnceLock<Rig> = OnceLock::new();
    RIG.get_or_init(Rig::start)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig")
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("mprov")
}

fn try_docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().expect("docker is installed")
}

#[track_caller]
fn docker(arguments: &[&str]) -> String {
    let output = try_docker(arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "docker {arguments:?}:\n{out}\n{err}");
    out.trim().to_owned()
}

fn exists(image: &str) -> bool {
    try_docker(&["image", "inspect", image]).status.success()
}

/// A name for what is made of these files.
fn named_by(files: &[&str]) -> String {
    fn add(hasher: &mut blake3::Hasher, path: &Path) {
        hasher.update(path.file_name().expect("a name").as_encoded_bytes());
        if path.is_dir() {
            let mut entries: Vec<_> =
                fs::read_dir(path).expect("a folder").map(|e| e.expect("an entry").path()).collect();
            entries.sort();
            entries.iter().for_each(|entry| add(hasher, entry));
        } else {
            hasher.update(&fs::read(path).expect("a file of the rig"));
        }
    }
    let mut hasher = blake3::Hasher::new();
    files.iter().for_each(|file| add(&mut hasher, &folder().join(file)));
    hasher.finalize().to_hex()[..12].to_owned()
}

/// The packages of a kind of machine, as an image.
fn packages(kind: &str) -> String {
    let list = format!("{kind}.packages");
    let image = format!("{CACHE}/openstack-{kind}:{}", named_by(&[&list, "make-image"]));
    if !exists(&image) {
        let tarball = cache().join(format!("openstack-{kind}.{}.tar", std::process::id()));
        let mut make = Command::new(folder().join("make-image"));
        let made = make.arg(kind).arg(&tarball).output().expect("make-image starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        docker(&["import", &tarball.to_string_lossy(), &image]);
        fs::remove_file(&tarball).expect("the tarball was there");
    }
    image
}

/// The control plane with its databases, before its first start.
fn configured(packages: &str) -> String {
    let files = ["cloud.packages", "make-image", "configure", "services", "register.py", "etc", "drivers"];
    let image = format!("{CACHE}/openstack:{}", named_by(&files));
    if !exists(&image) {
        let mount = format!("{}:/rig:ro", folder().display());
        let container = docker(&["create", "-v", &mount, packages, "/rig/configure"]);
        let output = try_docker(&["start", "--attach", &container]);
        if output.status.success() {
            docker(&["commit", &container, &image]);
        }
        docker(&["rm", "--force", "--volumes", &container]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the control plane could not be configured:\n{told}");
    }
    image
}

impl Rig {
    fn start() -> Self {
        fs::create_dir_all(cache()).expect("a cache folder");
        // Two test runs at once build one image.
        let lock = File::create(cache().join("openstack-rig.lock")).expect("a lock file");
        lock.lock().expect("locks");
        let host = packages("host");
        let cloud = configured(&packages("cloud"));
        drop(lock);

        let id = format!("mprov-rig-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        end_with_this_process(&id);
        docker(&["network", "create", "--label", &label(&id), &id]);
        let volumes = format!("/volumes/{id}");
        let mount = format!("{}:/rig:ro", folder().display());
        let environment =
            [format!("RIG_ID={id}"), format!("RIG_HOST_IMAGE={host}"), format!("RIG_VOLUMES={volumes}")];
        let mut arguments = vec!["run", "--detach", "--name", &id, "--hostname", "rig", "--network", &id];
        arguments.extend(["--label"]);
        let label = label(&id);
        arguments.push(&label);
        arguments.extend(["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"]);
        arguments.extend(["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]);
        // Loop devices, and what makes them.
        arguments.extend(["--device-cgroup-rule", "b 7:* rwm", "--device-cgroup-rule", "c 10:237 rwm"]);
        arguments.extend(["--volume", "/var/run/docker.sock:/var/run/docker.sock", "--volume", &mount]);
        arguments.extend(["--volume", &volumes]);
        for variable in &environment {
            arguments.extend(["--env", variable]);
        }
        arguments.extend([cloud.as_str(), "/rig/start"]);
        docker(&arguments);
        let rig =
            Self { address: inspect(&id, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"), id };
        rig.wait();
        rig
    }

    fn wait(&self) {
        let begin = Instant::now();
        while !try_docker(&["exec", &self.id, "test", "-e", "/run/rig/ready"]).status.success() {
            let runs = inspect(&self.id, "{{.State.Running}}") == "true";
            if !runs || begin.elapsed() > START {
                let logs = try_docker(&["logs", "--tail", "40", &self.id]);
                panic!("the rig did not start:\n{}", String::from_utf8_lossy(&logs.stderr));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Runs a shell script inside the control plane; what it prints.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        docker(&["exec", &self.id, "bash", "-c", script])
    }

    /// The same for what stays.
    #[track_caller]
    pub fn run_detached(&self, script: &str) {
        docker(&["exec", "--detach", &self.id, "bash", "-c", script]);
    }

    /// A value about the container that an instance is.
    #[track_caller]
    pub fn inspect_instance(&self, instance: &str, format: &str) -> String {
        inspect(&format!("{}-{instance}", self.id), format)
    }
}

#[track_caller]
fn inspect(container: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, container])
}

fn label(id: &str) -> String {
    format!("mprov.rig={id}")
}

/// Leaves a process behind that takes everything of the rig away as soon as this one is gone, by
/// a panic or a kill too: then the pipe between them ends. Loop devices go first, for they would
/// outlive the files below them.
fn end_with_this_process(id: &str) {
    const END: &str = r#"
        cat
        docker exec "$1" sh -c 'losetup -n -O NAME,BACK-FILE | while read -r loop file; do
            case $file in "/volumes/$1/"*) losetup -d "$loop";; esac
        done' sh "$1"
        docker ps --all --quiet --filter "label=mprov.rig=$1" | xargs -r docker rm --force --volumes
        docker network ls --quiet --filter "label=mprov.rig=$1" | xargs -r docker network rm
    "#;
    let mut end = Command::new("setsid");
    end.args(["sh", "-c", END, "sh", id]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // It waits for the other end of its input, which closes with this process.
    std::mem::forget(end.spawn().expect("setsid is there"));
}
