//! Visitors of a site who keep their connections alive and try nothing twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What became of one request.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub done: Instant,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A page.
    Page,
    /// A file and its row were written under this name, as the answer says.
    Written(String),
    /// The announced page, with the time to come back after.
    Frozen,
    /// Anything else, in words.
    Other(String),
}

/// Who writes: a session of a visitor who is logged in.
#[derive(Clone)]
pub struct Session {
    pub cookie: String,
    pub key: String,
}

pub struct Load {
    stop: Arc<AtomicBool>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    visitors: Vec<JoinHandle<()>>,
    begun: Instant,
}

/// What the visitors saw.
pub struct Report {
    pub exchanges: Vec<Exchange>,
    pub time: Duration,
}

impl Load {
    /// Readers ask for the style sheet, which is cheap; writers upload files.
    pub fn start(port: u16, readers: usize, sessions: Vec<Session>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let exchanges: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let numbers = Arc::new(AtomicU64::new(0));
        let sessions = sessions.into_iter().map(Some);
        let visitors: Vec<JoinHandle<()>> = sessions
            .chain((0..readers).map(|_| None))
            .map(|session| {
                let (stop, exchanges, numbers) = (stop.clone(), exchanges.clone(), numbers.clone());
                std::thread::spawn(move || {
                    let mut connection = Connection::new(port);
                    while !stop.load(Ordering::Relaxed) {
                        let outcome = match &session {
                            None => connection.page("/theme/styles.php"),
                            Some(session) => {
                                let name = format!("note-{}.txt", numbers.fetch_add(1, Ordering::Relaxed));
                                connection.upload(session, &name)
                            }
                        };
                        // Whoever is told to come back later does not hurry.
                        let pause = if outcome == Outcome::Frozen { 50 } else { 20 };
                        exchanges.lock().expect("no panic").push(Exchange { done: Instant::now(), outcome });
                        std::thread::sleep(Duration::from_millis(pause));
                    }
                })
            })
            .collect();
        Self { stop, visitors, exchanges, begun: Instant::now() }
    }

    /// Waits until that much more of something has happened.
    pub fn wait_for(&self, what: impl Fn(&Outcome) -> bool, times: usize) {
        let since = Instant::now();
        loop {
            let exchanges = self.exchanges.lock().expect("no panic");
            let seen = exchanges.iter().filter(|e| e.done > since && what(&e.outcome)).count();
            drop(exchanges);
            if seen >= times {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "the visitors do not get on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        for visitor in self.visitors {
            visitor.join().expect("a visitor does not panic");
        }
        let mut exchanges = std::mem::take(&mut *self.exchanges.lock().expect("no panic"));
        exchanges.sort_by_key(|e| e.done);
        Report { exchanges, time: self.begun.elapsed() }
    }
}

impl Report {
    pub fn written(&self) -> Vec<&str> {
        let names = self.exchanges.iter().filter_map(|e| match &e.outcome {
            Outcome::Written(name) => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// Nobody was refused, cut off or shown an error.
    #[track_caller]
    pub fn assert_nobody_was_turned_away(&self) {
        let others: Vec<&Exchange> =
            self.exchanges.iter().filter(|e| matches!(e.outcome, Outcome::Other(_))).collect();
        assert!(others.is_empty(), "{} of {}: {others:?}", others.len(), self.exchanges.len());
    }

    /// From the first to the last visitor who was told to come back later.
    pub fn frozen(&self) -> Duration {
        let mut times = self.exchanges.iter().filter(|e| e.outcome == Outcome::Frozen).map(|e| e.done);
        let first = times.next();
        first.map_or(Duration::ZERO, |first| times.next_back().map_or(Duration::ZERO, |last| last - first))
    }

    pub fn rate(&self) -> f64 {
        self.exchanges.len() as f64 / self.time.as_secs_f64()
    }
}

/// What an uploaded file holds.
pub fn content(name: &str) -> String {
    name.repeat(50)
}

/// One connection, made anew only where the server has said that it closes it.
struct Connection {
    port: u16,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

struct Answer {
    status: u16,
    head: String,
}

impl Connection {
    fn new(port: u16) -> Self {
        Self { port, stream: None, buffer: Vec::new() }
    }

    fn page(&mut self, path: &str) -> Outcome {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port);
        match self.exchange(request.as_bytes()) {
            Ok(answer) if answer.status == 200 => Outcome::Page,
            other => unexpected(other),
        }
    }

    fn upload(&mut self, session: &Session, name: &str) -> Outcome {
        const BOUNDARY: &str = "----visitor";
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"sesskey\"\r\n\r\n{}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"repo_upload_file\"; filename=\"{name}\"\r\n\
             Content-Type: text/plain\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
            session.key,
            content(name)
        );
        let request = format!(
            "POST /user/files.php HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {}\r\n\
             Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            session.cookie,
            body.len()
        );
        match self.exchange(request.as_bytes()) {
            // It leads back to the list; to the login page it would lead whoever is not logged in.
            Ok(answer) if answer.status == 303 && !answer.head.contains("/login/") => {
                Outcome::Written(name.to_owned())
            }
            other => unexpected(other),
        }
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Answer, String> {
        let answer = self.try_exchange(request);
        let keep = answer.as_ref().is_ok_and(|a| header(&a.head, "connection") != Some("close"));
        if !keep {
            self.stream = None;
            self.buffer.clear();
        }
        answer
    }

    fn try_exchange(&mut self, request: &[u8]) -> Result<Answer, String> {
        if self.stream.is_none() {
            let stream =
                TcpStream::connect(("127.0.0.1", self.port)).map_err(|e| format!("connecting: {e}"))?;
            stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(|e| e.to_string())?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().expect("it is there").write_all(request).map_err(|e| format!("sending: {e}"))?;
        let end = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.take(end)).into_owned();
        if header(&head, "transfer-encoding") == Some("chunked") {
            loop {
                let end = self.until(b"\r\n")?;
                let size = String::from_utf8_lossy(&self.take(end)).trim().to_owned();
                let size = usize::from_str_radix(&size, 16).map_err(|e| format!("{size}: {e}"))?;
                self.fill(size + 2)?;
                self.take(size + 2);
                if size == 0 {
                    break;
                }
            }
        } else {
            let length = header(&head, "content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
            self.fill(length)?;
            self.take(length);
        }
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
        Ok(Answer { status, head })
    }

    fn until(&mut self, mark: &[u8]) -> Result<usize, String> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|w| w == mark) {
                return Ok(at + mark.len());
            }
            self.more()?;
        }
    }

    fn fill(&mut self, length: usize) -> Result<(), String> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Ok(())
    }

    fn more(&mut self) -> Result<(), String> {
        let mut part = [0; 8192];
        let stream = self.stream.as_mut().expect("it is there");
        match stream.read(&mut part).map_err(|e| format!("receiving: {e}"))? {
            0 => Err("closed instead of an answer".to_owned()),
            count => {
                self.buffer.extend_from_slice(&part[..count]);
                Ok(())
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.buffer.drain(..length).collect()
    }
}

fn unexpected(answer: Result<Answer, String>) -> Outcome {
    match answer {
        Ok(answer) if answer.status == 503 && header(&answer.head, "retry-after").is_some() => {
            Outcome::Frozen
        }
        Ok(answer) => Outcome::Other(answer.head),
        Err(why) => Outcome::Other(why),
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
