use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{CreateImageInfo, ProgressDetail};
use bollard::query_parameters::{CreateImageOptions, ImportImageOptions};
use futures_util::{Stream, TryStreamExt};
use mprov_sdk::{Call, Fault};
use tokio_util::io::ReaderStream;

use crate::connection::patient;
use crate::fault::{engine_fault, interrupted};
use crate::labels;

const PIECE_BYTES: usize = 256 * 1024;

/// Pulls an image from its registry.
pub async fn pull(docker: &Docker, call: &Call, reference: &str) -> Result<(), Fault> {
    let (image, tag) = split_reference(reference);
    let options = CreateImageOptions {
        from_image: Some(image.to_owned()),
        tag: Some(tag.to_owned()),
        ..CreateImageOptions::default()
    };
    let docker = patient(docker);
    let stream = docker.create_image(Some(options), None, None);
    let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
    let what = format!("image {reference} could not be pulled");
    drain(call, stream, &format!("the pull of {reference}"), |info| report_pull(call, &mut layers, info))
        .await?
        .map_err(|e| pull_fault(what, &e))
}

/// Makes an image from the tarball of a root file system, with its hash as a label.
pub async fn import_rootfs(
    docker: &Docker,
    call: &Call,
    path: &Path,
    changes: &[String],
    hash: &str,
    tag: &str,
) -> Result<(), Fault> {
    let (repo, version) = split_reference(tag);
    let labels = labels::of_image(tag, hash).map(|(name, value)| format!("LABEL {name}={value}"));
    let options = CreateImageOptions {
        from_src: Some("-".into()),
        repo: Some(repo.to_owned()),
        tag: Some(version.to_owned()),
        changes: changes.iter().cloned().chain(labels).collect(),
        ..CreateImageOptions::default()
    };
    let docker = patient(docker);
    let body = bollard::body_try_stream(open(path).await?);
    call.events.progress("importing");
    let stream = docker.create_image(Some(options), Some(body), None);
    drain(call, stream, &format!("the import of {tag}"), |_| {})
        .await?
        .map_err(|e| engine_fault(format!("{} could not be imported as an image", path.display()), &e))
}

/// Loads the image of a `docker save` tarball; its id or tag.
pub async fn load(docker: &Docker, call: &Call, path: &Path) -> Result<String, Fault> {
    let docker = patient(docker);
    let what = format!("{} could not be loaded as an image", path.display());
    call.events.progress("loading");
    let stream = docker.import_image_stream(ImportImageOptions::default(), open(path).await?, None);
    let mut loaded = BTreeSet::new();
    drain(call, stream, &format!("the load of {}", path.display()), |info| {
        let lines = info.stream.unwrap_or_default();
        let names = lines.lines().filter_map(|line| {
            let line = line.trim();
            line.strip_prefix("Loaded image ID: ").or_else(|| line.strip_prefix("Loaded image: "))
        });
        loaded.extend(names.map(str::to_owned));
    })
    .await?
    .map_err(|e| engine_fault(&what, &e))?;
    let ids = ids_of(&docker, &loaded).await?;
    match (ids.len(), loaded.pop_first()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) => {
            Err(Fault::new(what).detail("It holds no image that `docker save` has written."))
        }
        (n, _) => Err(Fault::new(what).detail(format!(
            "It holds {n} images, and one is wanted. Save the one alone: `docker save -o one.tar <image>`."
        ))),
    }
}

async fn ids_of(docker: &Docker, names: &BTreeSet<String>) -> Result<BTreeSet<String>, Fault> {
    let mut ids = BTreeSet::new();
    for name in names {
        let image = docker.inspect_image(name).await;
        ids.extend(image.map_err(|e| engine_fault("a loaded image could not be inspected", &e))?.id);
    }
    Ok(ids)
}

async fn open(
    path: &Path,
) -> Result<impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static, Fault> {
    let file = tokio::fs::File::open(path).await.map_err(|error| {
        Fault::new(format!("{} cannot be read", path.display())).detail(format!("{error}."))
    })?;
    Ok(ReaderStream::with_capacity(file, PIECE_BYTES))
}

/// Reads a stream of messages to its end; the outer result is about the user's patience.
async fn drain<T>(
    call: &Call,
    stream: impl Stream<Item = Result<T, Error>>,
    what: &str,
    mut take: impl FnMut(T),
) -> Result<Result<(), Error>, Fault> {
    let reading = stream.try_for_each(|item| {
        take(item);
        std::future::ready(Ok(()))
    });
    tokio::select! {
        result = reading => Ok(result),
        () = call.cancel.cancelled() => Err(interrupted(what)),
    }
}

fn report_pull(call: &Call, layers: &mut HashMap<String, (u64, u64)>, info: CreateImageInfo) {
    let status = info.status.unwrap_or_default();
    if let (Some(layer), Some(ProgressDetail { current: Some(done), total: Some(total) })) =
        (&info.id, info.progress_detail)
        && status == "Downloading"
    {
        layers.insert(layer.clone(), (done.unsigned_abs(), total.unsigned_abs()));
        let done = layers.values().map(|l| l.0).sum();
        let total = layers.values().map(|l| l.1).sum();
        call.events.progress_of("downloading", done, total);
    } else if info.id.is_none() && !status.is_empty() {
        call.events.log(&status);
    }
}

fn pull_fault(what: String, error: &Error) -> Fault {
    let text = crate::fault::message(error);
    let fault = engine_fault(what, error);
    let advice = if text.contains("no such host")
        || text.contains("i/o timeout")
        || text.contains("connection refused")
    {
        "The registry cannot be reached from the engine's machine. Without a network, use \"archive\" or \"rootfs\"."
    } else if text.contains("pull access denied")
        || text.contains("not found")
        || text.contains("manifest unknown")
    {
        "See that the reference is right; a private registry needs `docker login` on the engine's machine."
    } else {
        return fault;
    };
    let detail = format!("{} {advice}", fault.detail);
    fault.detail(detail)
}

/// Repository and tag (or digest) of a reference; the tag is `latest` where there is none.
pub fn split_reference(reference: &str) -> (&str, &str) {
    if let Some((image, digest)) = reference.split_once('@') {
        return (image, digest);
    }
    match reference.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, tag),
        _ => (reference, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split() {
        assert_eq!(split_reference("debian"), ("debian", "latest"));
        assert_eq!(split_reference("debian:12"), ("debian", "12"));
        assert_eq!(split_reference("localhost:5000/a/b"), ("localhost:5000/a/b", "latest"));
        assert_eq!(split_reference("localhost:5000/a:1"), ("localhost:5000/a", "1"));
        assert_eq!(split_reference("a@sha256:00"), ("a", "sha256:00"));
    }
}
