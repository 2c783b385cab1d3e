use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upstream::head_end;

/// A client with one connection that it keeps alive, and no second try.
///
/// It connects anew only where the server has said before that it closes the connection.
pub struct Client {
    port: u16,
    stream: Option<TcpStream>,
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
        let mut client = Self { port, stream: None, buffer: Vec::new() };
        client.stream().await.expect("the proxy listens");
        client
    }

    /// None where the connection is closed instead of an answer.
    pub async fn try_get(&mut self, host: &str, path: &str, headers: &str) -> Option<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        self.ask(&request).await
    }

    pub async fn ask(&mut self, request: &str) -> Option<Answer> {
        self.send(&[request.as_bytes()]).await.ok()
    }

    /// Sends the parts of a request one after the other; in words why there was no answer.
    pub async fn send(&mut self, parts: &[&[u8]]) -> Result<Answer, String> {
        let answer = self.exchange(parts).await;
        let keep = answer.as_ref().is_ok_and(|a| header(&a.head, "Connection") != Some("close"));
        if !keep {
            self.stream = None;
            self.buffer.clear();
        }
        answer
    }

    async fn exchange(&mut self, parts: &[&[u8]]) -> Result<Answer, String> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let stream = self.stream().await.map_err(|e| format!("connecting: {e}"))?;
        for part in parts {
            stream.write_all(part).await.map_err(|e| format!("sending: {e}"))?;
        }
        let closed = || "closed instead of an answer".to_owned();
        let end = head_end(stream, &mut buffer).await.ok_or_else(closed)?;
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let length = content_length(&head);
        while buffer.len() < end + length {
            if stream.read_buf(&mut buffer).await.map_err(|e| format!("receiving: {e}"))? == 0 {
                return Err("closed within the answer".into());
            }
        }
        let body = String::from_utf8_lossy(&buffer[end..end + length]).into_owned();
        buffer.drain(..end + length);
        self.buffer = buffer;
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
        Ok(Answer { status, head, body })
    }

    async fn stream(&mut self) -> std::io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        Ok(self.stream.as_mut().expect("it was just made"))
    }
}

/// One request on a connection of its own.
pub async fn get(port: u16, host: &str, path: &str, headers: &str) -> Answer {
    Client::connect(port).await.try_get(host, path, headers).await.expect("an answer")
}

pub fn content_length(head: &str) -> usize {
    header(head, "Content-Length").and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// The value of a header, the first of that name.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
