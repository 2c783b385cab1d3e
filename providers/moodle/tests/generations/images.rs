//! The images that the tests run, from `examples/images` and the stand-in, built once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::docker::{docker, try_docker};

/// Also the base of the whole program's tests; the rest has names of its own, because theirs may
/// be at another state of the source just now.
const BASE: &str = "mprov-test-cache/base";

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}\n{err}");
    out.trim().to_owned()
}

/// What the web server runs, as the stand-in's `make` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Release(&'static str),
    /// Its upgrade fails half-way.
    Broken(&'static str),
    /// With a plugin more.
    WithPlugin(&'static str),
}

impl Code {
    /// From 5.1 on only a part of the code is served.
    pub fn has_public(self) -> bool {
        let (Self::Release(release) | Self::Broken(release) | Self::WithPlugin(release)) = self;
        release.starts_with("5.1")
    }
}

/// Ids by name. A test that comes while another one builds waits for it.
static BUILT: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

fn once(name: &str, build: impl FnOnce() -> String) -> String {
    let known =
        |name: &str| BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(name).cloned();
    static ONE: Mutex<()> = Mutex::new(());
    if let Some(id) = known(name) {
        return id;
    }
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(id) = known(name) {
        return id;
    }
    let id = build();
    BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.to_owned(), id.clone());
    id
}

/// The id of the image of one of the folders of `examples/images`.
pub fn image(folder: &str) -> String {
    once(folder, || {
        let base = base();
        let context = repository().join("examples/images").join(folder);
        build(folder, &base, &context, &context.join("Dockerfile"))
    })
}

/// The id of the image with that code.
pub fn app(code: Code) -> String {
    let web = image("web");
    let (name, release) = match code {
        Code::Release(release) => (format!("app-{release}"), release),
        Code::Broken(release) => (format!("app-broken-{release}"), release),
        Code::WithPlugin(release) => (format!("app-plugin-{release}"), release),
    };
    once(&name, || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tree = folder.path().join("moodle");
        let mut make = Command::new(repository().join("tests/standin/make"));
        match code {
            Code::Release(_) => {}
            Code::Broken(_) => {
                make.arg("--broken");
            }
            Code::WithPlugin(_) => {
                make.args(["--plugin", "extra", "2024100700"]);
            }
        }
        run(make.arg(release).arg(&tree));
        build(&name, &web, &tree, &repository().join("examples/images/app/Dockerfile"))
    })
}

fn build(name: &str, base: &str, context: &Path, file: &Path) -> String {
    let (base, tag) = (format!("BASE={base}"), format!("mprov-test-cache/moodle-{name}"));
    let mut build = Command::new("docker");
    build.args(["build", "-q", "--build-arg", &base, "-t", &tag, "-f"]);
    run(build.arg(file).arg(context))
}

fn base() -> String {
    if !try_docker(&["image", "inspect", BASE]).status.success() {
        let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("mprov");
        let rootfs = cache.join("base.tar");
        run(Command::new(repository().join("examples/images/base/make-base")).arg(&rootfs));
        docker(&["import", &rootfs.to_string_lossy(), BASE]);
    }
    docker(&["image", "inspect", "--format", "{{.Id}}", BASE])
}

/// A file of the repository.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("a file of the repository")
}
