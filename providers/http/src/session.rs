use std::collections::BTreeMap;
use std::sync::Arc;

use mprov_sdk::{Call, DataSource, Fault, Resource, Session};
use reqwest::Url;

use crate::authentication::Way;
use crate::data::{self, RequestData};
use crate::redaction::Redaction;
use crate::reply::Reply;
use crate::request::Request;
use crate::resource::{self, HttpResource};
use crate::trouble::Trouble;
use crate::url::Base;
use crate::wire::Wire;

/// One provider configuration at work.
#[derive(Debug)]
pub struct Connection {
    pub wire: Wire,
    pub base: Option<Base>,
    pub headers: BTreeMap<String, String>,
    pub way: Way,
    /// The secrets of the configuration.
    pub redaction: Redaction,
}

impl Connection {
    /// The address of a path.
    pub fn url(&self, path: &str) -> Result<Url, Fault> {
        match &self.base {
            Some(base) => base.join(path),
            None => Err(Fault::new("the provider is not told which server to ask")
                .detail("Set \"url\" in its block: provider \"http\" { url = \"https://cloud.example\" }")),
        }
    }

    /// Sends a request with this provider's credentials. A token that is refused is renewed once.
    pub async fn send(&self, call: &Call, request: Request) -> Result<Reply, Trouble> {
        self.send_with(call, request, self.wire.retries).await
    }

    pub async fn send_with(&self, call: &Call, request: Request, retries: u32) -> Result<Reply, Trouble> {
        let mut renewed = false;
        loop {
            let credential = self.way.credential(&self.wire, call).await?;
            let mut signed = request.clone();
            let own = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            let fetched = credential.iter().map(|c| (c.header.as_str(), c.value.as_str()));
            for (name, value) in own.chain(fetched) {
                // What the request itself says goes before.
                if !request.headers.contains_key(name) {
                    signed = signed.header(name, value)?;
                }
            }
            let reply = self.wire.send(call, &signed, retries).await?;
            if reply.status != 401 || renewed || !self.way.renew(credential.as_ref()).await {
                return Ok(reply);
            }
            renewed = true;
        }
    }

    /// The secrets that are known now.
    pub fn secrets(&self) -> Redaction {
        let mut redaction = self.redaction.clone();
        for secret in self.way.secrets() {
            redaction.add(&secret);
        }
        redaction
    }
}

/// A reply that was not expected, as a fault.
pub fn refused(request: &Request, reply: &Reply) -> Fault {
    let advice = match reply.status {
        401 => "\nThe server does not know who asks: see how the provider authenticates.",
        403 => "\nThe account of the provider may not do this.",
        300..=399 => {
            "\nOnly reads follow redirects, and only within one server: write the path that it leads to."
        }
        _ => "",
    };
    let location = reply.headers.get("location").map(|to| format!("\nIt points to {to}"));
    let said = match reply.tail() {
        tail if tail.is_empty() => "Its reply is empty.".to_owned(),
        tail => format!("The end of its reply:\n{tail}"),
    };
    Fault::new(format!("{} answered {}", request.what(), reply.status_text())).detail(format!(
        "{said}{}{advice}",
        location.filter(|_| (300..400).contains(&reply.status)).unwrap_or_default()
    ))
}

pub struct HttpSession {
    pub connection: Arc<Connection>,
}

impl Session for HttpSession {
    fn resource(&self, kind: &str) -> Option<Arc<dyn Resource>> {
        let connection = self.connection.clone();
        (kind == resource::KIND).then(|| Arc::new(HttpResource { connection }) as Arc<dyn Resource>)
    }

    fn data_source(&self, kind: &str) -> Option<Arc<dyn DataSource>> {
        let connection = self.connection.clone();
        (kind == data::KIND).then(|| Arc::new(RequestData { connection }) as Arc<dyn DataSource>)
    }
}
