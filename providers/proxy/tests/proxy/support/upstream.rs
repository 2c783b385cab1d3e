use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::header;

/// A web server that answers every request with its name and the request's head; `/sick` with
/// 500, `/inside-only` with 403 where the request was forwarded for somebody, `/broken` not at
/// all, `/held` only when it is told to.
pub struct Upstream {
    pub name: &'static str,
    pub address: SocketAddr,
    ledger: Arc<Ledger>,
    task: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at: Instant,
    /// What the client calls it, in the header `X-Id`.
    pub id: Option<u64>,
    pub body: blake3::Hash,
}

struct Ledger {
    arrivals: Mutex<Vec<Arrival>>,
    released: watch::Sender<bool>,
}

impl Upstream {
    pub async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let ledger = Arc::new(Ledger { arrivals: Mutex::default(), released: watch::Sender::new(false) });
        let shared = ledger.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ledger = shared.clone();
                // That a client has gone is nothing to a server.
                tokio::spawn(async move { serve(stream, name, &ledger).await.unwrap_or(()) });
            }
        });
        Self { name, address, ledger, task }
    }

    pub fn text(&self) -> String {
        self.address.to_string()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.ledger.arrivals.lock().expect("no panic").clone()
    }

    /// Waits until so many requests have arrived in all.
    pub async fn wait_for(&self, arrivals: usize) {
        for _ in 0..1000 {
            if self.arrivals().len() >= arrivals {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {arrivals} requests arrived in 10 s", self.arrivals().len());
    }

    /// Answers what is held.
    pub fn release(&self) {
        self.ledger.released.send_replace(true);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, name: &str, ledger: &Ledger) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = head_end(&mut stream, &mut buffer).await?;
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        let body = match header(&head, "Transfer-Encoding") {
            Some(_) => chunks(&mut stream, &mut buffer).await?,
            None => take(&mut stream, &mut buffer, super::client::content_length(&head)).await?,
        };
        let id = header(&head, "X-Id").and_then(|id| id.parse().ok());
        let arrival = Arrival { at: Instant::now(), id, body: blake3::hash(&body) };
        ledger.arrivals.lock().expect("no panic").push(arrival);
        let status = match head.split(' ').nth(1).unwrap_or_default() {
            "/sick" => "500 Sick",
            "/inside-only" if head.contains("X-Forwarded-") => "403 Forbidden",
            "/broken" => return None,
            "/held" => {
                ledger.released.subscribe().wait_for(|r| *r).await.ok()?;
                "200 OK"
            }
            _ => "200 OK",
        };
        let body = format!("I am {name}\n{head}");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

/// Reads until a whole head is in the buffer; its length with the empty line.
pub async fn head_end(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            return Some(at + 4);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.drain(..length).collect())
}

async fn chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            if let Some(at) = buffer.windows(2).position(|w| w == b"\r\n") {
                break buffer.drain(..at + 2).collect::<Vec<u8>>();
            }
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let chunk = take(stream, buffer, length + 2).await?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
