use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{CancellationToken, Fault, Silent};
use russh::Channel;
use russh::client::{Config, Handle, Msg, connect_stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::authentication::{Login, log_in};
use super::exec::{Job, run};
use super::settings::{Endpoint, Settings};
use super::trust::Checker;

/// How long a machine may take to accept a connection, and to agree on keys.
const CONNECT: Duration = Duration::from_secs(15);
/// A machine that says nothing for three of these is lost.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Messages that a channel may have waiting. One that is full holds up all others, so the window is to
/// fill first, also with small messages.
const BUFFERED: usize = 65_536;
/// Between two tries of a machine that does not answer yet.
const AGAIN: Duration = Duration::from_secs(1);

/// The connection to a machine. It is made anew where it was lost.
pub struct Link {
    pub settings: Settings,
    state: Mutex<Option<Arc<Open>>>,
    /// Processes that may be begun.
    pub permits: Semaphore,
}

/// A connection that is logged in.
pub struct Open {
    pub handle: Handle<Checker>,
    /// What it goes through.
    _jump: Option<Handle<Checker>>,
}

/// Why there is no connection.
enum Failed {
    /// It may be different in a moment: the machine may be starting.
    NotYet(Fault),
    /// The machine answers, but does not let us in: final, unless it has just started.
    Refused(Fault),
    Final(Fault),
}

impl Link {
    /// Connects, and waits for a machine that is only starting.
    pub async fn open(settings: Settings) -> Result<Arc<Self>, Fault> {
        let permits = Semaphore::new(settings.parallelism);
        let link = Arc::new(Self { settings, state: Mutex::new(None), permits });
        link.connected().await?;
        link.check_sudo().await?;
        if link.settings.cloud_init {
            link.wait_for_cloud_init().await?;
        }
        Ok(link)
    }

    pub fn name(&self) -> String {
        self.settings.target.name()
    }

    /// The connection, made anew if it was lost.
    pub async fn connected(&self) -> Result<Arc<Open>, Fault> {
        let mut state = self.state.lock().await;
        if let Some(open) = state.as_ref().filter(|open| !open.handle.is_closed()) {
            return Ok(open.clone());
        }
        let begin = Instant::now();
        let mut starting = false;
        loop {
            let left = self.settings.wait.saturating_sub(begin.elapsed());
            let fault = match connect(&self.settings).await {
                Ok(open) => {
                    let open = Arc::new(open);
                    *state = Some(open.clone());
                    return Ok(open);
                }
                Err(Failed::NotYet(fault)) => {
                    starting = true;
                    fault
                }
                // Keys of users are put in place while a machine starts.
                Err(Failed::Refused(fault)) if starting => fault,
                Err(Failed::Refused(fault) | Failed::Final(fault)) => return Err(fault),
            };
            if left.is_zero() {
                return Err(fault);
            }
            sleep(AGAIN.min(left)).await;
        }
    }

    /// A new channel for one process.
    pub async fn session(&self) -> Result<Channel<Msg>, Fault> {
        let open = self.connected().await?;
        let error = match open.handle.channel_open_session().await {
            Ok(channel) => return Ok(channel),
            Err(error) => error,
        };
        // Nothing was begun on a connection that turns out to be lost: another one will do.
        if !matches!(error, russh::Error::ChannelOpenFailure(_)) {
            self.forget(&open).await;
            if let Ok(channel) = self.connected().await?.handle.channel_open_session().await {
                return Ok(channel);
            }
        }
        Err(Fault::new(format!("{} does not allow another session", self.name())).detail(format!(
            "{error}. Its sshd_config limits them by MaxSessions: raise it, or lower parallelism in the provider block."
        )))
    }

    async fn forget(&self, lost: &Arc<Open>) {
        let mut state = self.state.lock().await;
        if state.as_ref().is_some_and(|open| Arc::ptr_eq(open, lost)) {
            *state = None;
        }
    }

    async fn check_sudo(&self) -> Result<(), Fault> {
        if !self.settings.sudo {
            return Ok(());
        }
        let job =
            Job { name: "sudo", script: "true".into(), stdin: None, timeout: Some(CONNECT), sudo: true };
        let output = run(self, job, &Silent, &CancellationToken::new()).await?;
        match output.success() {
            true => Ok(()),
            false => Err(Fault::new(format!("{} may not become root by sudo", self.name())).detail(format!(
                "{}\nAllow it without a password, by a line `{} ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d, or set \
                 sudo = false.",
                output.tail(3),
                self.settings.target.user
            ))),
        }
    }

    /// cloud-init writes the file when all of its work is done; see its documentation on
    /// /run/cloud-init/result.json.
    async fn wait_for_cloud_init(&self) -> Result<(), Fault> {
        let script = "command -v cloud-init >/dev/null 2>&1 || exit 0\n\
                      [ -e /run/cloud-init/result.json ] && exit 0\n\
                      cloud-init status --wait --long </dev/null";
        let sudo = self.settings.sudo;
        let job = Job { name: "cloud-init", script: script.into(), stdin: None, timeout: None, sudo };
        let output = run(self, job, &Silent, &CancellationToken::new()).await?;
        match output.status {
            // 2: it has recovered from what went wrong.
            0 | 2 => Ok(()),
            _ => Err(Fault::new(format!("cloud-init failed on {}", self.name())).detail(format!(
                "{}\n/var/log/cloud-init-output.log there says why. With cloud_init = false it is not waited for.",
                output.tail(8)
            ))),
        }
    }
}

async fn connect(settings: &Settings) -> Result<Open, Failed> {
    let Some(jump) = &settings.jump else {
        let stream = tcp(&settings.target).await?;
        let handle = greet(settings, &settings.target, stream).await?;
        return Ok(Open { handle, _jump: None });
    };
    let target = &settings.target;
    let jump_handle = greet(settings, jump, tcp(jump).await?).await?;
    let through = jump_handle.channel_open_direct_tcpip(&target.address, target.port.into(), "127.0.0.1", 0);
    let stream = through.await.map_err(|error| {
        Failed::NotYet(Fault::new(format!("{} cannot be reached through {}", target.name(), jump.name())).detail(
            format!("{error}. The machine may be down, or the one in between does not forward (AllowTcpForwarding)."),
        ))
    })?;
    let handle = greet(settings, target, stream.into_stream()).await?;
    Ok(Open { handle, _jump: Some(jump_handle) })
}

async fn tcp(endpoint: &Endpoint) -> Result<TcpStream, Failed> {
    let summary = format!("{} cannot be reached by SSH", endpoint.name());
    let address = (endpoint.address.as_str(), endpoint.port);
    let found = tokio::net::lookup_host(address).await.map(Iterator::count);
    if let Ok(0) | Err(_) = found {
        return Err(Failed::Final(Fault::new(summary).detail(format!(
            "No address is known for {:?}. Check its spelling and the name server.",
            endpoint.address
        ))));
    }
    let late =
        || Fault::new(&summary).detail("It does not answer. It may be down, or a firewall drops port 22.");
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Err(_) => Err(Failed::NotYet(late())),
        Ok(Ok(stream)) => {
            // Small requests and replies: waiting to fill a packet only costs time.
            drop(stream.set_nodelay(true));
            Ok(stream)
        }
        Ok(Err(error)) => {
            let advice = match error.kind() {
                ErrorKind::ConnectionRefused => {
                    "Nothing listens there: the machine is starting, or has no SSH server."
                }
                _ => "The machine may be down, or the way to it is closed.",
            };
            Err(Failed::NotYet(Fault::new(summary).detail(format!("{error}. {advice}"))))
        }
    }
}

/// Agrees on keys, checks the machine's own, logs in.
async fn greet<S>(settings: &Settings, endpoint: &Endpoint, stream: S) -> Result<Handle<Checker>, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let accepted = endpoint.trust.keys(&endpoint.address, endpoint.port).map_err(Failed::Final)?;
    let checker = Checker::new(accepted);
    let refused = checker.refused.clone();
    let mut config = Config {
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        channel_buffer_size: BUFFERED,
        ..Config::default()
    };
    if let Some(kinds) = checker.algorithms() {
        config.preferred.key = kinds.into();
    }
    let broke = |why: String| {
        Failed::NotYet(
            Fault::new(format!("{} answers, but SSH did not come about", endpoint.name()))
                .detail(format!("{why}. The machine may be starting, or something else listens there.")),
        )
    };
    let greeting = timeout(CONNECT, connect_stream(Arc::new(config), stream, checker)).await;
    let mut handle = match greeting {
        Err(_) => return Err(broke("it took too long".into())),
        Ok(Err(error)) => {
            let offered = refused.lock().expect("nobody panics with it").take();
            return Err(match (offered, error) {
                (Some(key), _) => {
                    Failed::Final(endpoint.trust.refusal(&endpoint.address, endpoint.port, &key))
                }
                (None, russh::Error::NoCommonAlgo { kind, theirs, .. }) => Failed::Final(
                    Fault::new(format!("{} speaks no SSH that mprov accepts", endpoint.name())).detail(format!(
                        "No {kind:?} in common; it offers {}. A host key of a kind that is known may be missing there.",
                        theirs.join(", ")
                    )),
                ),
                (None, error) => broke(error.to_string()),
            });
        }
        Ok(Ok(handle)) => handle,
    };
    match log_in(&mut handle, endpoint, &settings.credentials).await.map_err(Failed::Final)? {
        Login::Done => Ok(handle),
        Login::Refused(fault) => Err(Failed::Refused(fault)),
    }
}
