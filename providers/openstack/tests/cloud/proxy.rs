//! A connection to one service that goes wrong where a test wants it to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next request that fits, once.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The service gets the request and answers; the answer goes nowhere.
    LostAnswer,
    /// The service never gets it: this is the answer.
    Answer(&'static str),
}

#[derive(Debug)]
struct Armed {
    /// How the request begins: `POST /v2.1/servers `.
    request: String,
    trouble: Trouble,
    times: usize,
}

pub struct Proxy {
    pub port: u16,
    armed: Arc<Mutex<Option<Armed>>>,
}

impl Proxy {
    /// In front of that address.
    pub async fn new(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let armed: Arc<Mutex<Option<Armed>>> = Arc::default();
        let shared = armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.expect("the service listens");
                tokio::spawn(carry(client, server, shared.clone()));
            }
        });
        Self { port, armed }
    }

    pub fn arm(&self, request: impl Into<String>, trouble: Trouble, times: usize) {
        *self.armed.lock().expect("lock") = Some(Armed { request: request.into(), trouble, times });
    }

    /// Whether all of the trouble has happened.
    pub fn is_spent(&self) -> bool {
        self.armed.lock().expect("lock").as_ref().is_none_or(|armed| armed.times == 0)
    }
}

/// The trouble of a request that begins with these bytes.
fn trouble(armed: &Mutex<Option<Armed>>, bytes: &[u8]) -> Option<Trouble> {
    let mut armed = armed.lock().expect("lock");
    let armed = armed.as_mut().filter(|a| a.times > 0 && bytes.starts_with(a.request.as_bytes()))?;
    armed.times -= 1;
    Some(armed.trouble.clone())
}

/// Requests follow each other on a connection, each after the answer to the one before: what
/// comes from the client is a request's beginning or more of its body.
async fn carry(mut client: TcpStream, mut server: TcpStream, armed: Arc<Mutex<Option<Armed>>>) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    let mut lost = false;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(read @ 1..) = read else { return };
                match trouble(&armed, &from_client[..read]) {
                    Some(Trouble::LostAnswer) => lost = true,
                    Some(Trouble::Answer(answer)) => {
                        let _ = client.write_all(answer.as_bytes()).await;
                        return;
                    }
                    None => {}
                }
                if server.write_all(&from_client[..read]).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(read @ 1..) = read else { return };
                // Answered, and so carried out.
                if lost { return }
                if client.write_all(&from_server[..read]).await.is_err() { return }
            }
        }
    }
}
