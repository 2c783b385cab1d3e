//! What the images of the test sites begin with, made once and kept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::docker::{docker, inspect, try_docker};

const CACHE: &str = "mprov-test-cache";
const BUILT: [&str; 4] = ["mariadb", "postgres", "web", "proxy"];

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("mprov")
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("the command starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}\n{err}");
}

/// The tarball of the base image, as `docker save` writes it.
///
/// `docker import` gives the same files a new id each time, and no layer built on an older id
/// counts any more. An image that is loaded keeps its id: so all sites share the layers that are
/// built here under tags of their own, which also keep them when a site destroys its images.
pub fn base_archive() -> &'static Path {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let archive = cache().join("test-base.tar");
        let base = format!("{CACHE}/base");
        let is_there = archive.exists() && try_docker(&["image", "inspect", &base]).status.success();
        if !is_there {
            import_base(&base, &archive);
        }
        let id = inspect(&base, "{{.Id}}");
        let images = repository().join("examples/images");
        for name in BUILT {
            let base = format!("BASE={id}");
            let tag = format!("{CACHE}/{name}");
            let mut build = Command::new("docker");
            run(build.args(["build", "-q", "--build-arg", &base, "-t", &tag]).arg(images.join(name)));
        }
        build_app(&images);
        archive
    })
}

/// The stand-in's code in the web image.
fn build_app(images: &Path) {
    let context = tempfile::tempdir().expect("a temporary folder");
    let code = context.path().join("moodle");
    stand_in(&[], "5.0.6", &code);
    let (tag, base) = (format!("{CACHE}/app"), format!("BASE={CACHE}/web"));
    let mut build = Command::new("docker");
    build.args(["build", "-q", "--build-arg", &base, "-t", &tag]);
    run(build.arg("-f").arg(images.join("app/Dockerfile")).arg(code));
}

fn import_base(tag: &str, archive: &Path) {
    let rootfs = cache().join("base.tar");
    run(Command::new(repository().join("examples/images/base/make-base")).arg(&rootfs));
    docker(&["import", &rootfs.to_string_lossy(), tag]);
    let fresh = archive.with_extension("new");
    docker(&["save", "-o", &fresh.to_string_lossy(), tag]);
    std::fs::rename(&fresh, archive).expect("in the same folder");
}

/// The id that every image of the tests descends from.
pub fn base_id() -> String {
    base_archive();
    inspect(&format!("{CACHE}/base"), "{{.Id}}")
}

/// The id of one of the images that are kept ("mariadb", "postgres", "proxy", "web", "app"), for
/// sites that build none.
pub fn built(name: &str) -> String {
    base_archive();
    inspect(&format!("{CACHE}/{name}"), "{{.Id}}")
}

/// Writes the stand-in's tree of a release into a new folder.
pub fn stand_in(options: &[&str], release: &str, folder: &Path) {
    run(Command::new(repository().join("tests/standin/make")).args(options).arg(release).arg(folder));
}
