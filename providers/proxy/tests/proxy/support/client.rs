use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upstream::head_end;

/// A client with one connection that it keeps alive, and no second try.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Client {
    pub async fn connect(port: u16) -> Self {
        Self {
            stream: TcpStream::connect(("127.0.0.1", port)).await.expect("the proxy listens"),
            buffer: Vec::new(),
        }
    }

    /// None where the connection is closed instead of an answer.
    pub async fn try_get(&mut self, host: &str, path: &str, headers: &str) -> Option<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        self.ask(&request).await
    }

    pub async fn ask(&mut self, request: &str) -> Option<Answer> {
        self.stream.write_all(request.as_bytes()).await.ok()?;
        let end = head_end(&mut self.stream, &mut self.buffer).await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let length = content_length(&head);
        while self.buffer.len() < end + length {
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
        let body = String::from_utf8_lossy(&self.buffer[end..end + length]).into_owned();
        self.buffer.drain(..end + length);
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Some(Answer { status, head, body })
    }
}

/// One request on a connection of its own.
pub async fn get(port: u16, host: &str, path: &str, headers: &str) -> Answer {
    Client::connect(port).await.try_get(host, path, headers).await.expect("an answer")
}

pub fn content_length(head: &str) -> usize {
    head.lines()
        .filter_map(|l| l.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}
