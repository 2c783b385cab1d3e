use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Call, Fault};
use reqwest::Client;

use crate::client::{Clients, innermost};
use crate::pace::Pace;
use crate::pause::{asked, growing, retry_after, sleep};
use crate::reply::Reply;
use crate::request::Request;
use crate::trouble::Trouble;

/// A larger reply is refused: none may exhaust the memory.
const LARGEST_REPLY: usize = 16 << 20;

/// Sends requests: held to a rate, and again where that is safe and may help.
#[derive(Debug)]
pub struct Wire {
    pub clients: Clients,
    pub pace: Pace,
    /// How often a request is repeated.
    pub retries: u32,
    /// A server that asks to be left alone for longer is not waited for.
    pub longest_pause: Duration,
    pub timeout: Duration,
}

impl Wire {
    /// The reply, whatever its status.
    ///
    /// Sent again, up to `retries` times: after 429 and after 503 with `Retry-After`, which say
    /// that nothing was done; where no connection was made; and, if sending it twice is as good as
    /// once, also after 502, 503, 504 and a lost reply.
    pub async fn send(&self, call: &Call, request: &Request, retries: u32) -> Result<Reply, Trouble> {
        let mut tries = 0;
        // Of an earlier try nobody knows whether it had an effect.
        let mut in_doubt = false;
        loop {
            let result = self.once(call, request).await;
            let (why, wait) = match &result {
                Ok(reply) if is_refusal(reply, request) => (reply.status_text(), retry_after(reply)),
                Ok(_) | Err(Trouble::Wrong(_) | Trouble::Refused(..)) => return result,
                Err(Trouble::Lost(_)) if !request.is_idempotent() => return result,
                Err(trouble) => (trouble.clone().fault().detail, None),
            };
            let too_long = wait.is_some_and(|wait| wait > self.longest_pause);
            if tries == retries || call.cancel.is_cancelled() || too_long {
                let result = if too_long { result.map(|reply| with_note(reply, wait)) } else { result };
                return if in_doubt { still_in_doubt(request, result) } else { result };
            }
            in_doubt |= match &result {
                Ok(reply) => matches!(reply.status, 502 | 504),
                Err(trouble) => matches!(trouble, Trouble::Lost(_)),
            };
            tries += 1;
            let pause = wait.map_or_else(|| growing(tries, self.longest_pause), asked);
            let seconds = pause.as_secs_f64();
            call.events.progress(&format!(
                "{}: {}; trying again in {seconds:.1} s ({tries} of {retries})",
                request.what(),
                why.trim_end_matches('.'),
            ));
            if !sleep(call, pause).await {
                return if in_doubt { still_in_doubt(request, result) } else { result };
            }
        }
    }

    async fn once(&self, call: &Call, request: &Request) -> Result<Reply, Trouble> {
        tokio::select! {
            () = self.pace.turn() => {}
            () = call.cancel.cancelled() => return Err(Trouble::Unsent(stopped(request))),
        }
        let client = match request.is_read() {
            true => &self.clients.reading,
            false => &self.clients.writing,
        };
        tokio::select! {
            result = self.exchange(client, request) => result,
            () = call.cancel.cancelled() => Err(Trouble::Lost(stopped(request))),
        }
    }

    async fn exchange(&self, client: &Client, request: &Request) -> Result<Reply, Trouble> {
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await.map_err(|e| self.trouble(request, e))?;
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let entry = headers.entry(name.as_str().to_owned());
            entry.and_modify(|all| *all = format!("{all}, {value}")).or_insert_with(|| value.into_owned());
        }
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.trouble(request, e))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_REPLY {
                let fault = Fault::new(format!("the reply to {} is too large", request.what()))
                    .detail(format!("More than {} MB are not read.", LARGEST_REPLY >> 20));
                return Err(if request.is_read() { Trouble::Wrong(fault) } else { Trouble::Lost(fault) });
            }
        }
        Ok(Reply { status, headers, body })
    }

    fn trouble(&self, request: &Request, error: reqwest::Error) -> Trouble {
        let error = error.without_url();
        let unsent = error.is_connect() || error.is_builder() || is_tls_refusal(&error);
        let why = match error.is_timeout() {
            true => format!("no answer within {} s", self.timeout.as_secs_f64()),
            false => innermost(&error),
        };
        let summary = format!("{} got no reply", request.what());
        let server = request.url.host_str().unwrap_or_default();
        match unsent {
            true => Trouble::Unsent(
                Fault::new(summary).detail(format!("No connection to {server} could be made: {why}.")),
            ),
            false => Trouble::Lost(
                Fault::new(summary).detail(format!("The connection to {server} was lost: {why}.")),
            ),
        }
    }
}

/// Replies that say: not now.
fn is_refusal(reply: &Reply, request: &Request) -> bool {
    match reply.status {
        429 => true,
        503 if reply.headers.contains_key("retry-after") => true,
        // From something in between, which may have lost the reply of the server itself.
        502..=504 => request.is_idempotent(),
        _ => false,
    }
}

fn with_note(mut reply: Reply, wait: Option<Duration>) -> Reply {
    let seconds = wait.unwrap_or_default().as_secs();
    let note = format!("\nIt asks to be left alone for {seconds} s, longer than \"longest_pause\".");
    reply.body.extend_from_slice(note.as_bytes());
    reply
}

/// That the last try did not reach the server, or was refused, says nothing about those before.
fn still_in_doubt(request: &Request, last: Result<Reply, Trouble>) -> Result<Reply, Trouble> {
    match last {
        Err(Trouble::Unsent(fault)) => Err(Trouble::Lost(fault)),
        Ok(reply) if matches!(reply.status, 429 | 503) && !request.is_read() => Err(Trouble::Lost(
            Fault::new(format!("{} got no reply that says what became of it", request.what())).detail(
                format!(
                    "An earlier reply was lost, and the last one was {}. The end of it:\n{}",
                    reply.status_text(),
                    reply.tail()
                ),
            ),
        )),
        other => other,
    }
}

fn stopped(request: &Request) -> Fault {
    Fault::new(format!("{} was given up", request.what())).detail("It was asked to stop.")
}

/// A server that does not accept a client's certificate may say so after the handshake, when the
/// request is on its way already (TLS 1.3). It does not read it then.
fn is_tls_refusal(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) || error.is::<rustls::Error>() {
            return true;
        }
        next = error.source();
    }
    false
}
