use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use mprov_sdk::{Fault, Value};

use crate::json;
use crate::url::shown;

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<String>,
    /// Sent twice it does the same as once, because the API looks at an idempotency token in it.
    pub repeatable: bool,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, repeatable: false }
    }

    /// Replaces one of the same name.
    ///
    /// # Errors
    /// No such name or value can be sent.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Fault> {
        let (name, value) = header(name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// A string as it is, anything else as JSON; nothing for null.
    pub fn body(mut self, body: &Value) -> Self {
        if !body.is_null() {
            self.body = Some(body.as_str().map_or_else(|| json::write(body), str::to_owned));
            let json = HeaderValue::from_static("application/json");
            self.headers.entry(reqwest::header::CONTENT_TYPE).or_insert(json);
        }
        self
    }

    /// Whether it can be sent again when nobody knows if it had an effect (RFC 9110, section
    /// 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        let by_method = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE];
        self.repeatable || by_method.contains(&self.method)
    }

    pub fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// `POST /servers`
    pub fn what(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    let unusable = |what: &str| Fault::new(format!("{what} of the header \"{name}\" cannot be sent"));
    let sent_name = HeaderName::try_from(name).map_err(|_| unusable("the name"))?;
    let mut sent = HeaderValue::try_from(value)
        .map_err(|_| unusable("the value").detail("It holds a line break or another control character."))?;
    sent.set_sensitive(true);
    Ok((sent_name, sent))
}
