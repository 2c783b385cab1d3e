use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use mprov_sdk::{Call, Events, Fault};
use tokio::sync::mpsc;

use super::context::Context;
use super::source::Build;
use crate::connection::patient;
use crate::fault::{engine_fault, interrupted, message};
use crate::labels;

/// Characters of an instruction that progress shows.
const INSTRUCTION: usize = 60;
/// Lines of the log that a failure shows.
const TAIL: usize = 15;
/// The archive is made while it is sent; so many pieces wait in between.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 256 * 1024;

/// Builds an image under a tag.
///
/// The hash becomes a label of the image: by it a build is found again whose outcome was not
/// recorded.
pub async fn build(docker: &Docker, call: &Call, build: &Build, hash: &str, tag: &str) -> Result<(), Fault> {
    let context = build.scan()?;
    let options = BuildImageOptions {
        dockerfile: context.dockerfile.clone(),
        t: Some(tag.to_owned()),
        rm: true,
        forcerm: true,
        nocache: build.no_cache,
        buildargs: Some(build.args.clone().into_iter().collect()),
        labels: Some(image_labels(build, tag, hash)),
        target: build.target.clone().unwrap_or_default(),
        ..BuildImageOptions::default()
    };
    let docker = patient(docker);
    let body = bollard::body_try_stream(archive(context));
    let mut lines = Box::pin(docker.build_image(options, None, Some(body)));
    let mut log = BuildLog::default();
    loop {
        let item = tokio::select! {
            item = lines.next() => item,
            () = call.cancel.cancelled() => return Err(interrupted(&format!("the build of {tag}"))),
        };
        match item {
            None => return Ok(()),
            Some(Ok(info)) => log.take(info, call.events.as_ref()),
            Some(Err(error)) => return Err(log.failure(tag, &error)),
        }
    }
}

fn image_labels(build: &Build, tag: &str, hash: &str) -> HashMap<String, String> {
    build.labels.clone().into_iter().chain(labels::of_image(tag, hash)).collect()
}

/// The context as a tar archive that is never held as a whole.
fn archive(context: Context) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let writer = io::BufWriter::with_capacity(PIECE_BYTES, Pieces(sender.clone()));
        let written = context.write_archive(writer).and_then(|mut w| w.flush());
        if let Err(error) = written {
            // Where nobody receives any more, the build has ended already and says why.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) })
}

struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(piece).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a build says: progress by its steps, lines as log, the last of them for a failure.
#[derive(Default)]
struct BuildLog {
    rest: String,
    tail: VecDeque<String>,
}

impl BuildLog {
    fn take(&mut self, info: BuildInfo, events: &dyn Events) {
        self.rest.push_str(&info.stream.or(info.status.map(|s| s + "\n")).unwrap_or_default());
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            match step(line) {
                Some((done, total, what)) => {
                    // An instruction can be a whole script; its beginning tells which it is.
                    let begin: String = what.chars().take(INSTRUCTION).collect();
                    events.progress_of(begin.trim_end(), done, total)
                }
                None => events.log(line),
            }
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line.to_owned());
        }
    }

    fn failure(self, tag: &str, error: &Error) -> Fault {
        let Error::DockerStreamError { .. } = error else {
            return engine_fault(format!("image {tag} could not be built"), error);
        };
        let mut lines: Vec<String> = self.tail.into();
        if !self.rest.trim().is_empty() {
            lines.push(self.rest.trim().to_owned());
        }
        lines.push(message(error));
        Fault::new(format!("the build of image {tag} failed"))
            .detail(format!("The last lines of the build:\n{}", lines.join("\n")))
    }
}

/// "Step 3/12 : RUN make" in parts.
fn step(line: &str) -> Option<(u64, u64, &str)> {
    let (numbers, what) = line.strip_prefix("Step ")?.split_once(" : ")?;
    let (done, total) = numbers.split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read() {
        assert_eq!(step("Step 3/12 : RUN make"), Some((3, 12, "RUN make")));
        assert_eq!(step("Step by step : x"), None);
    }

    #[test]
    fn a_failure_shows_the_last_lines() {
        let mut log = BuildLog::default();
        for n in 0..40 {
            let stream = Some(format!("line {n}\n"));
            log.take(BuildInfo { stream, ..BuildInfo::default() }, &mprov_sdk::Silent);
        }
        let error = Error::DockerStreamError { error: "returned a non-zero code: 1".into() };
        let fault = log.failure("web:1", &error);
        assert!(fault.detail.contains("line 39") && fault.detail.contains("non-zero code"), "{fault}");
        assert!(!fault.detail.contains("line 24\n"), "{fault}");
    }
}
