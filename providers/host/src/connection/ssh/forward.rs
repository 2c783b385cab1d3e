use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mprov_sdk::Fault;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::link::Link;
use super::script::{self, bootstrap, quote};

/// How long the relay may take to start.
const START: Duration = Duration::from_secs(15);

/// Sockets of the machine, each to be had by a socket on this one that only this user may open.
#[derive(Default)]
pub struct Forwards(Mutex<BTreeMap<String, Forward>>);

struct Forward {
    local: PathBuf,
    task: JoinHandle<()>,
    /// Ends with the channel that started it.
    _relay: Option<Relay>,
    _folder: tempfile::TempDir,
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Forwards {
    /// The socket here that leads to that one already.
    pub async fn known(&self, path: &str) -> Option<PathBuf> {
        live(&*self.0.lock().await, path)
    }

    /// The socket here that leads to that one there.
    pub async fn to(&self, link: &Arc<Link>, path: &str) -> Result<PathBuf, Fault> {
        let mut forwards = self.0.lock().await;
        if let Some(local) = live(&forwards, path) {
            return Ok(local);
        }
        let (target, relay) = match link.settings.sudo {
            true => {
                let relay = Relay::start(link, path).await?;
                (relay.path.clone(), Some(relay))
            }
            false => (path.to_owned(), None),
        };
        // Tried once, so that what is wrong is told now and not by a connection that breaks.
        drop(open(link, &target).await?.close().await);
        let here = |error: std::io::Error| {
            Fault::new("no socket can be made in the folder for temporary files").detail(error.to_string())
        };
        let folder = tempfile::tempdir().map_err(here)?;
        let local = folder.path().join("socket");
        let listener = UnixListener::bind(&local).map_err(here)?;
        let task = tokio::spawn(accept(listener, Arc::downgrade(link), target));
        forwards
            .insert(path.to_owned(), Forward { local: local.clone(), task, _relay: relay, _folder: folder });
        Ok(local)
    }
}

fn live(forwards: &BTreeMap<String, Forward>, path: &str) -> Option<PathBuf> {
    forwards.get(path).filter(|forward| !forward.task.is_finished()).map(|forward| forward.local.clone())
}

async fn accept(listener: UnixListener, link: Weak<Link>, target: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let Some(link) = link.upgrade() else { return };
        let target = target.clone();
        tokio::spawn(async move { carry(stream, &link, &target).await });
    }
}

/// What cannot be reached is told to the one who asks by a connection that ends.
async fn carry(mut here: UnixStream, link: &Arc<Link>, target: &str) {
    let Ok(channel) = open(link, target).await else { return };
    let (mut reader, writer) = channel.split();
    let mut there = tokio::io::join(reader.make_reader(), writer.make_writer());
    drop(copy_bidirectional(&mut here, &mut there).await);
    drop(writer.close().await);
}

/// A connection to a socket there; OpenSSH's `direct-streamlocal@openssh.com`, which counts as no
/// session.
async fn open(link: &Link, target: &str) -> Result<Channel<Msg>, Fault> {
    let open = link.connected().await?;
    open.handle.channel_open_direct_streamlocal(target).await.map_err(|error| {
        Fault::new(format!("{target} on {} cannot be opened", link.name())).detail(format!(
            "{error}. Nothing listens there, the user may not use it, or the SSH server forwards no sockets \
             (AllowStreamLocalForwarding)."
        ))
    })
}

/// A process that lets the user of the connection use a socket that only root may use. It is Perl,
/// which every Debian has.
struct Relay {
    path: String,
    _channel: Channel<Msg>,
}

const RELAY: &str = include_str!("relay.pl");

impl Relay {
    async fn start(link: &Link, target: &str) -> Result<Self, Fault> {
        let cannot = |detail: String| {
            Fault::new(format!("{target} on {} cannot be reached as root", link.name())).detail(detail)
        };
        let mut channel = link.session().await?;
        let script = format!("exec perl -e {} {} \"${{SUDO_UID:-0}}\"", quote(RELAY), quote(target));
        let text = script::whole("relay", &script);
        channel.exec(true, bootstrap(text.len(), true)).await.map_err(|e| cannot(e.to_string()))?;
        channel.data_bytes(text.into_bytes()).await.map_err(|e| cannot(e.to_string()))?;
        let (mut said, mut complained) = (String::new(), String::new());
        let listen = async {
            while let Some(message) = channel.wait().await {
                match message {
                    ChannelMsg::Data { data } => said.push_str(&String::from_utf8_lossy(&data)),
                    ChannelMsg::ExtendedData { data, .. } => {
                        complained.push_str(&String::from_utf8_lossy(&data))
                    }
                    _ => {}
                }
                if said.ends_with('\n') {
                    return;
                }
            }
        };
        let in_time = timeout(START, listen).await.is_ok();
        match said.strip_suffix('\n') {
            Some(path) if in_time => Ok(Self { path: path.to_owned(), _channel: channel }),
            _ => Err(cannot(complained)),
        }
    }
}
