//! What there is in Docker and on the machine that can be a test's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::docker::{lines, try_docker};
use crate::images::base_id;

/// Everything whose being there a site can be blamed for, one line each.
///
/// Other work on the same engine may come and go meanwhile, so what has the name of another is left
/// out. What has no name counts: a volume that no container uses, an image that descends from the
/// base of the tests. In order, and twice what is there twice: Docker lets two networks have one name.
pub fn inventory(name: &str, folder: &Path) -> Vec<String> {
    let is_ours = |line: &String| line.contains(name);
    let format = "{{.Names}}";
    let mut found: Vec<String> = Vec::new();
    let mut add = |what: &str, lines: Vec<String>| {
        found.extend(lines.into_iter().map(|line| format!("{what} {line}")));
    };
    let all = |arguments: &[&str]| -> Vec<String> { lines(arguments).into_iter().filter(is_ours).collect() };
    add("container", all(&["ps", "-a", "--format", format]));
    add("network", all(&["network", "ls", "--format", "{{.Name}}"]));
    add("volume", all(&["volume", "ls", "--format", "{{.Name}}"]));
    add("unused volume", lines(&["volume", "ls", "-q", "--filter", "dangling=true"]));
    add("image", all(&["images", "--format", "{{.Repository}}:{{.Tag}}"]));
    add("image", descendants(&base_id(), name));
    let mounts = std::fs::read_to_string("/proc/mounts").expect("the mounts");
    let folder = folder.to_string_lossy();
    add(
        "mount",
        mounts.lines().filter(|l| l.contains(&*folder) || l.contains(name)).map(str::to_owned).collect(),
    );
    found.sort();
    found
}

/// Asserts that there is what there was.
#[track_caller]
pub fn assert_same(now: &[String], then: &[String], why: &str) {
    let more: Vec<_> = now.iter().filter(|line| !then.contains(line)).collect();
    let less: Vec<_> = then.iter().filter(|line| !now.contains(line)).collect();
    assert!(
        now == then,
        "{why}; too much: {more:#?}, missing: {less:#?}, {} and not {}",
        now.len(),
        then.len()
    );
}

/// Ids of the images that were built on another one, intermediate layers included, but for those
/// that an image with a foreign name needs.
fn descendants(base: &str, name: &str) -> Vec<String> {
    let images = lines(&["images", "-a", "--no-trunc", "--format", "{{.ID}} {{.Repository}}"]);
    // An image with two names is there twice.
    let images: BTreeSet<(&str, &str)> = images.iter().filter_map(|line| line.split_once(' ')).collect();
    let ids: BTreeSet<&str> = images.iter().map(|(id, _)| *id).collect();
    let parent = |id: &str| {
        // It may have been removed by others since it was listed.
        let output = try_docker(&["image", "inspect", "--format", "{{.Parent}}", id]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let parents: BTreeMap<&str, String> = ids.iter().map(|id| (*id, parent(id))).collect();
    let ancestry = |id: &str| -> Vec<String> {
        std::iter::successors(Some(id.to_owned()), |id| parents.get(&**id).cloned()).collect()
    };
    let is_foreign = |repository: &str| repository != "<none>" && !repository.contains(name);
    let foreign: BTreeSet<String> = images
        .iter()
        .filter(|(_, repository)| is_foreign(repository))
        .flat_map(|(id, _)| ancestry(id))
        .collect();
    let of_base = ids.iter().filter(|id| ancestry(id).iter().any(|ancestor| ancestor == base));
    of_base.map(|id| (*id).to_owned()).filter(|id| !foreign.contains(id)).collect()
}
