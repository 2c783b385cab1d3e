use std::time::Duration;

use mprov_sdk::{CancellationToken, Events, ExecOutput, Fault};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Sig};
use tokio::time::{sleep, timeout};

use super::link::Link;
use super::script::{self, bootstrap};
use crate::connection::process::{GRACE, LAST_OUTPUT, cancelled, too_long};

/// How long the signal to end something may take to be sent.
const SIGNAL: Duration = Duration::from_secs(10);

/// A script to run on the machine.
pub struct Job<'a> {
    /// What to call it in messages.
    pub name: &'a str,
    pub script: String,
    /// The input of what the script runs.
    pub stdin: Option<Vec<u8>>,
    pub timeout: Option<Duration>,
    pub sudo: bool,
}

enum End {
    Ended(Result<(), Fault>),
    Cancelled,
    TimedOut(Duration),
}

/// Runs it to its end, in one of the places that the machine has.
pub async fn run(
    link: &Link,
    job: Job<'_>,
    events: &dyn Events,
    cancel: &CancellationToken,
) -> Result<ExecOutput, Fault> {
    let _place = link.permits.acquire().await.expect("it is never closed");
    let channel = link.session().await?;
    let mark = mark();
    let mut output = ExecOutput::default();
    let (name, sudo, limit) = (job.name, job.sudo, job.timeout);
    let end = {
        let talk = talk(link, channel, &mark, job, &mut output, events);
        tokio::pin!(talk);
        let late = async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            ended = &mut talk => End::Ended(ended),
            () = cancel.cancelled() => End::Cancelled,
            () = late => End::TimedOut(limit.unwrap_or_default()),
        };
        if !matches!(end, End::Ended(_)) {
            // Kindly, then not; what outlives its leader as well.
            signal(link, sudo, &mark, "TERM").await;
            let ended = timeout(GRACE, &mut talk).await.is_ok();
            signal(link, sudo, &mark, "KILL").await;
            if !ended {
                drop(timeout(LAST_OUTPUT, &mut talk).await);
            }
        }
        end
    };
    match end {
        End::Ended(ended) => ended.map(|()| output),
        End::Cancelled => Err(cancelled(name, &output)),
        End::TimedOut(limit) => Err(too_long(name, limit, &output)),
    }
}

/// Unlike that of every other exec on the machine.
fn mark() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Hands the script and the input over and takes what comes back, until it has ended.
async fn talk(
    link: &Link,
    channel: Channel<Msg>,
    mark: &str,
    job: Job<'_>,
    output: &mut ExecOutput,
    events: &dyn Events,
) -> Result<(), Fault> {
    let Job { name, script, stdin, sudo, .. } = job;
    let lost = || {
        Fault::new(format!("the connection to {} was lost while {name} ran", link.name()))
            .detail("It may still be running there. Apply again: what became of it is looked at first.")
    };
    let text = script::whole(mark, &script);
    channel.exec(true, bootstrap(text.len(), sudo)).await.map_err(|_| lost())?;
    let (mut reader, writer) = channel.split();
    let feed = async {
        // A process that does not want its input is free to close it.
        drop(writer.data_bytes(text.into_bytes()).await);
        if let Some(stdin) = stdin {
            drop(writer.data_bytes(stdin).await);
        }
        drop(writer.eof().await);
    };
    tokio::pin!(feed);
    let (mut fed, mut status) = (false, None);
    let (mut said, mut complained) = (Lines::default(), Lines::default());
    loop {
        let message = tokio::select! {
            message = reader.wait() => message,
            () = &mut feed, if !fed => {
                fed = true;
                continue;
            }
            // Something it has started may hold the channel open forever.
            () = sleep(LAST_OUTPUT), if status.is_some() => None,
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                said.take(&data, events);
                output.stdout.extend_from_slice(&data);
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                complained.take(&data, events);
                output.stderr.extend_from_slice(&data);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(i64::from(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => status = Some(128 + number(&signal_name)),
            Some(ChannelMsg::Failure) => {
                return Err(Fault::new(format!("{} runs no commands for this user", link.name())).detail(
                    "Its SSH server refused. A forced command or a restricted key may be in the way.",
                ));
            }
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    said.end(events);
    complained.end(events);
    drop(writer.close().await);
    output.status = status.ok_or_else(lost)?;
    Ok(())
}

/// Signals everything that runs with the mark. That it cannot be reached is noticed elsewhere.
async fn signal(link: &Link, sudo: bool, mark: &str, name: &str) {
    let work = async {
        let Ok(channel) = link.session().await else { return };
        let job = Job { name: "kill", script: script::signal(mark, name), stdin: None, timeout: None, sudo };
        drop(talk(link, channel, &self::mark(), job, &mut ExecOutput::default(), &mprov_sdk::Silent).await);
    };
    drop(timeout(SIGNAL, work).await);
}

/// Numbers of signals on Linux, signal(7).
fn number(signal: &Sig) -> i64 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}

/// Tells of output line by line.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, data: &[u8], events: &dyn Events) {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end(events);
            }
        }
    }

    fn end(&mut self, events: &dyn Events) {
        if !self.0.is_empty() {
            events.log(String::from_utf8_lossy(&self.0).trim_end_matches(['\r', '\n']));
            self.0.clear();
        }
    }
}
