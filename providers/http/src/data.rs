use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostic, Diagnostics, Fault, Object, Schema, Type, Value};
use reqwest::{Method, Url};

use crate::redaction::Redaction;
use crate::reply::Reply;
use crate::request::Request;
use crate::resource::{CONTRADICTION, MALFORMED};
use crate::session::{Connection, refused};
use crate::trouble::Trouble;

pub const KIND: &str = "http_request";

/// A data source is read in planning: it sends nothing that is meant to change something.
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The reply to a request.",
        [
            (
                "url",
                Attribute::required(Type::String, "A whole address, or a path below the provider's \"url\"."),
            ),
            ("method", Attribute::optional(Type::String, "GET, HEAD or POST.").default("GET")),
            ("request_headers", Attribute::optional(Type::map(Type::String), "Headers to send.")),
            (
                "request_body",
                Attribute::optional(Type::Any, "What to send: a string as it is, anything else as JSON."),
            ),
            (
                "expect",
                Attribute::optional(
                    Type::list(Type::Number),
                    "Statuses that are no error; every 2xx where none are given.",
                ),
            ),
            (
                "retries",
                Attribute::optional(
                    Type::Number,
                    "How often it is repeated; as the provider does where it is not set.",
                ),
            ),
            ("sensitive", Attribute::optional(Type::Bool, "The reply is a secret.").default(false)),
            ("status", Attribute::computed(Type::Number, "The status code of the reply.")),
            (
                "headers",
                Attribute::computed(
                    Type::map(Type::String),
                    "The headers of the reply, by name in lower case.",
                ),
            ),
            ("body", Attribute::computed(Type::String, "The body of the reply as text.")),
            (
                "body_json",
                Attribute::computed(Type::Any, "The body of the reply as a value; null where it is no JSON."),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let method = config["method"].as_str();
    if method.is_some_and(|m| !METHODS.contains(&m)) {
        found.push(
            Diagnostic::error(MALFORMED, "a data source reads with GET, HEAD or POST")
                .detail("What changes something is a resource: http_resource.")
                .address("method"),
        );
    }
    if method.is_some_and(|m| m != "POST") && !config["request_body"].is_null() {
        found.push(
            Diagnostic::error(CONTRADICTION, "only a POST has a body")
                .detail("Set method = \"POST\", or leave \"request_body\" out.")
                .address("request_body"),
        );
    }
    if config["retries"].as_number().is_some() && retries(config).is_none() {
        found.push(Diagnostic::error(MALFORMED, "\"retries\" is a number from 0 to 100").address("retries"));
    }
    found
}

pub struct RequestData {
    pub connection: Arc<Connection>,
}

#[async_trait]
impl DataSource for RequestData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let secrets = Redaction::of(config.values());
        let all = || self.connection.secrets().and(&secrets);
        let reply = self.ask(call, config).await.map_err(|trouble| all().fault(trouble.fault()))?;
        let is_secret = config.opt_bool("sensitive")?.unwrap_or(false);
        // A reply may repeat what it was asked with.
        let secrets = all();
        let mark = |value: Value, text: &str| value.with_sensitivity(is_secret || secrets.is_in(text));
        let text = reply.text();
        let headers = reply.headers.iter().map(|(k, v)| (k.as_str(), mark(v.as_str().into(), v)));
        Ok(config
            .clone()
            .with("status", i64::from(reply.status))
            .with("headers", Value::map(headers))
            .with("body_json", mark(reply.view().body, &text))
            .with("body", mark(text.as_str().into(), &text)))
    }
}

impl RequestData {
    async fn ask(&self, call: &Call, config: &Object) -> Result<Reply, Trouble> {
        let method = config.opt_str("method").map_err(Fault::from)?.unwrap_or("GET");
        let method = Method::try_from(method).map_err(|_| Fault::new("\"method\" is no method"))?;
        let (url, is_ours) = self.address(config.str("url").map_err(Fault::from)?)?;
        let mut request = Request::new(method, url);
        for (name, value) in config.string_map("request_headers").map_err(Fault::from)? {
            request = request.header(&name, &value)?;
        }
        request = request.body(&config["request_body"]);
        // It changes nothing, so it may be sent again.
        request.repeatable = true;
        let retries = retries(config).unwrap_or(self.connection.wire.retries);
        let reply = match is_ours {
            true => self.connection.send_with(call, request.clone(), retries).await?,
            false => self.connection.wire.send(call, &request, retries).await?,
        };
        let expected = config.elements("expect").map_err(Fault::from)?;
        let is_expected = match expected.is_empty() {
            true => reply.is_success(),
            false => expected.iter().any(|status| status.as_i64() == Some(reply.status.into())),
        };
        match is_expected {
            true => Ok(reply),
            false => Err(Trouble::Refused(reply.status, refused(&request, &reply))),
        }
    }

    /// Where to ask, and whether that is the provider's own server: its credentials go nowhere
    /// else.
    fn address(&self, text: &str) -> Result<(Url, bool), Fault> {
        if text.starts_with('/') || text.starts_with('?') {
            return Ok((self.connection.url(text)?, true));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            Fault::new("\"url\" is no address")
                .detail("Write a whole one, https://…, or a path below the provider's \"url\", /….")
        })?;
        let is_ours = self.connection.base.as_ref().is_some_and(|base| base.is_same_server(&url));
        Ok((url, is_ours))
    }
}

fn retries(config: &Object) -> Option<u32> {
    config["retries"].as_i64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 100)
}
