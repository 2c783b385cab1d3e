use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::Upstream;
use super::client::{Answer, Client};

/// Clients that send one request after the other, each on its own connection, and write down what
/// became of it.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

/// What the requests are.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Get,
    /// With a body of that many bytes, every second one in chunks.
    Post(usize),
}

/// One request, from its first byte to the last one of its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub id: u64,
    pub sent: Instant,
    pub done: Instant,
    pub outcome: String,
}

/// What became of all requests.
pub struct Report {
    pub exchanges: Vec<Exchange>,
    pub time: Duration,
}

struct Shared {
    stop: AtomicBool,
    ids: AtomicU64,
    exchanges: Mutex<Vec<Exchange>>,
    begun: Instant,
}

impl Load {
    /// `pause` lies between an answer and the client's next request.
    pub fn start(port: u16, host: &'static str, clients: u32, pause: Duration, kind: Kind) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            ids: AtomicU64::new(0),
            exchanges: Mutex::default(),
            begun: Instant::now(),
        });
        let client = |number: u32| {
            let shared = shared.clone();
            tokio::spawn(async move {
                // They do not march in step.
                tokio::time::sleep(pause / clients * number).await;
                let mut client = Client::connect(port).await;
                while !shared.stop.load(Ordering::Relaxed) {
                    let id = shared.ids.fetch_add(1, Ordering::Relaxed);
                    let sent = Instant::now();
                    let outcome = outcome(ask(&mut client, host, kind, id).await);
                    let exchange = Exchange { id, sent, done: Instant::now(), outcome };
                    shared.exchanges.lock().expect("no panic").push(exchange);
                    tokio::time::sleep(pause).await;
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { shared, clients }
    }

    /// Waits until that outcome has come so many times since.
    pub async fn wait_for(&self, outcome: &str, times: usize) {
        let since = Instant::now();
        let count = || {
            let exchanges = self.shared.exchanges.lock().expect("no panic");
            exchanges.iter().filter(|e| e.sent > since && e.outcome == outcome).count()
        };
        while count() < times {
            let seen = Report {
                exchanges: self.shared.exchanges.lock().expect("no panic").clone(),
                time: since.elapsed(),
            };
            assert!(since.elapsed() < Duration::from_secs(20), "no \"{outcome}\": {:?}", seen.outcomes());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets the requests end that have begun.
    pub async fn stop(self) -> Report {
        let time = self.shared.begun.elapsed();
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("client");
        }
        let exchanges = std::mem::take(&mut *self.shared.exchanges.lock().expect("no panic"));
        Report { exchanges, time }
    }
}

impl Report {
    pub fn outcomes(&self) -> BTreeMap<&str, usize> {
        let mut outcomes = BTreeMap::new();
        for exchange in &self.exchanges {
            *outcomes.entry(&*exchange.outcome).or_default() += 1;
        }
        outcomes
    }

    /// Every request with a 200 arrived once, whole, at the upstream that answered; every other one
    /// nowhere. For requests with bodies of that length.
    #[track_caller]
    pub fn assert_exactly_once(&self, length: usize, upstreams: &[&Upstream]) {
        let mut arrived: BTreeMap<u64, Vec<(String, blake3::Hash)>> = BTreeMap::new();
        for upstream in upstreams {
            for arrival in upstream.arrivals() {
                let Some(id) = arrival.id else { continue };
                arrived.entry(id).or_default().push((format!("200 {}", upstream.name), arrival.body));
            }
        }
        for exchange in &self.exchanges {
            let expected = match exchange.outcome.starts_with("200") {
                true => vec![(exchange.outcome.clone(), blake3::hash(&body(exchange.id, length)))],
                false => Vec::new(),
            };
            assert_eq!(arrived.remove(&exchange.id).unwrap_or_default(), expected, "{exchange:?}");
        }
        assert!(arrived.is_empty(), "{arrived:?}");
    }

    /// Fails where any request became something else than these, or none became one of them.
    #[track_caller]
    pub fn assert_only(&self, expected: &[&str]) {
        let outcomes = self.outcomes();
        let all = outcomes.keys().all(|o| expected.contains(o)) && outcomes.len() == expected.len();
        assert!(all, "expected {expected:?}: {outcomes:?}");
    }

    /// Fails where there were fewer requests a second.
    #[track_caller]
    pub fn assert_rate(&self, least: f64) {
        let rate = self.exchanges.len() as f64 / self.time.as_secs_f64();
        assert!(rate > least, "{rate} requests a second are no load");
    }
}

/// The body of the request of that number: different for each.
fn body(id: u64, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    blake3::Hasher::new().update(&id.to_le_bytes()).finalize_xof().fill(&mut body);
    body
}

async fn ask(client: &mut Client, host: &str, kind: Kind, id: u64) -> Result<Answer, String> {
    let head = |method: &str, rest: &str| {
        format!("{method} /page HTTP/1.1\r\nHost: {host}\r\nX-Id: {id}\r\n{rest}\r\n").into_bytes()
    };
    match kind {
        Kind::Get => client.send(&[&head("GET", "")]).await,
        Kind::Post(length) if id.is_multiple_of(2) => {
            let head = head("POST", &format!("Content-Length: {length}\r\n"));
            client.send(&[&head, &body(id, length)]).await
        }
        Kind::Post(length) => {
            let body = body(id, length);
            let (first, second) = body.split_at(length / 3);
            let size = |part: &[u8]| format!("{:x}\r\n", part.len()).into_bytes();
            let head = head("POST", "Transfer-Encoding: chunked\r\n");
            client.send(&[&head, &size(first), first, b"\r\n", &size(second), second, b"\r\n0\r\n\r\n"]).await
        }
    }
}

/// "200 blue" for an answer of the upstream of that name, "503" for one of the proxy.
fn outcome(answer: Result<Answer, String>) -> String {
    match answer {
        Err(why) => why,
        Ok(answer) => match answer.body.lines().next().and_then(|line| line.strip_prefix("I am ")) {
            Some(name) => format!("{} {name}", answer.status),
            None => answer.status.to_string(),
        },
    }
}
