use std::collections::BTreeMap;
use std::time::Duration;

use mprov_sdk::{Fault, Object, Value, parse_duration};
use reqwest::Method;

use crate::place::{NOTATION, Place};
use crate::pointer::Pointer;
use crate::request::Request;
use crate::session::Connection;
use crate::template::Fill;

/// A request as the configuration describes it.
#[derive(Clone, Debug)]
pub struct Description {
    pub method: Method,
    pub path: String,
    pub body: Value,
    pub headers: BTreeMap<String, String>,
    /// Statuses that mean success; every 2xx where it is empty.
    pub expect: Vec<u16>,
    /// Statuses that mean "not yet": sent again for that long.
    pub retry_on: Vec<u16>,
    pub retry_for: Duration,
    pub wait: Option<Wait>,
}

/// Until when the effect of a request is waited for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The read's where there is none.
    pub path: Option<String>,
    /// Where in the reply to the request itself the address to ask is.
    pub path_from: Option<Place>,
    /// None: until it can be read, or until it is gone.
    pub place: Option<Place>,
    pub wanted: Vec<String>,
    /// If there are any, everything else that is not wanted is a failure.
    pub pending: Vec<String>,
    pub failed: Vec<String>,
    /// Where the API says why it failed.
    pub reason: Option<Place>,
    pub timeout: Duration,
    pub interval: Duration,
}

/// How one element of a list is recognised.
#[derive(Clone, Debug)]
pub struct Search {
    pub list: Pointer,
    /// In the element.
    pub at: Pointer,
    pub equals: String,
    /// Where the address of the list's next page is.
    pub next: Option<Place>,
}

/// How it is looked at.
#[derive(Clone, Debug)]
pub struct Read {
    pub request: Description,
    pub search: Option<Search>,
    /// A place and values in it that say that it does not exist any more.
    pub gone: Option<(Place, Vec<String>)>,
}

/// How a create whose reply was lost is found.
#[derive(Clone, Debug)]
pub struct Find {
    pub request: Description,
    pub search: Search,
    /// In the element.
    pub id: Pointer,
    /// For how long the API may not show yet what was made.
    pub patience: Duration,
}

impl Description {
    pub fn parse(block: &Object) -> Result<Self, Fault> {
        let method = block.opt_str("method")?.unwrap_or("GET");
        Ok(Self {
            method: Method::try_from(method).map_err(|_| Fault::new(format!("\"{method}\" is no method")))?,
            path: block.str("path")?.to_owned(),
            body: block["body"].clone(),
            headers: block.string_map("headers")?,
            expect: statuses(block, "expect")?,
            retry_on: statuses(block, "retry_on")?,
            retry_for: time(block, "retry_for", "2m")?,
            wait: block.object("wait")?.map(Wait::parse).transpose()?,
        })
    }

    pub fn request(&self, connection: &Connection, fill: &Fill<'_>) -> Result<Request, Fault> {
        let url = connection.url(&fill.path(&self.path)?)?;
        let mut request = Request::new(self.method.clone(), url);
        for (name, value) in &self.headers {
            request = request.header(name, &fill.text(value))?;
        }
        Ok(request.body(&fill.body(&self.body)))
    }

    pub fn accepts(&self, status: u16) -> bool {
        match self.expect.is_empty() {
            true => (200..300).contains(&status),
            false => self.expect.contains(&status),
        }
    }
}

impl Wait {
    fn parse(block: &Object) -> Result<Self, Fault> {
        Ok(Self {
            path: block.opt_str("path")?.map(str::to_owned),
            path_from: place(block, "path_from")?,
            place: place(block, "place")?,
            wanted: block.strings("wanted")?,
            pending: block.strings("pending")?,
            failed: block.strings("failed")?,
            reason: place(block, "reason")?,
            timeout: time(block, "timeout", "10m")?,
            interval: time(block, "interval", "1s")?,
        })
    }

    /// For a delete that the API has only accepted (202).
    pub fn until_gone() -> Self {
        Self {
            path: None,
            path_from: None,
            place: None,
            wanted: Vec::new(),
            pending: Vec::new(),
            failed: Vec::new(),
            reason: None,
            timeout: Duration::from_secs(600),
            interval: Duration::from_secs(1),
        }
    }
}

impl Search {
    fn parse(block: &Object, equals: &str) -> Result<Self, Fault> {
        Ok(Self {
            list: pointer(block, "list", "")?,
            at: pointer(block, "where", "")?,
            equals: block.opt_str("equals")?.unwrap_or(equals).to_owned(),
            next: place(block, "next")?,
        })
    }
}

impl Read {
    pub fn parse(block: &Object) -> Result<Self, Fault> {
        let gone = match block.object("gone")? {
            Some(gone) => place(gone, "place")?.map(|p| Ok::<_, Fault>((p, gone.strings("values")?))),
            None => None,
        };
        Ok(Self {
            request: Description::parse(block)?,
            search: block.object("search")?.map(|s| Search::parse(s, "{id}")).transpose()?,
            gone: gone.transpose()?,
        })
    }
}

impl Find {
    pub fn parse(block: &Object) -> Result<Self, Fault> {
        Ok(Self {
            request: Description::parse(block)?,
            search: Search::parse(block, "{token}")?,
            id: pointer(block, "id", "/id")?,
            patience: time(block, "patience", "10s")?,
        })
    }

    /// Whether it finds what this very step made, and not only something alike.
    pub fn is_by_token(&self) -> bool {
        self.search.equals.contains("{token}")
    }
}

fn statuses(block: &Object, name: &str) -> Result<Vec<u16>, Fault> {
    let all = block.elements(name)?.iter().map(|v| v.as_i64().and_then(|n| u16::try_from(n).ok()));
    all.collect::<Option<_>>()
        .ok_or_else(|| Fault::new(format!("\"{name}\" holds something else than statuses")))
}

fn place(block: &Object, name: &str) -> Result<Option<Place>, Fault> {
    let Some(text) = block.opt_str(name)? else { return Ok(None) };
    let place = Place::parse(text);
    place.map(Some).ok_or_else(|| Fault::new(format!("\"{text}\" is no place in a reply")).detail(NOTATION))
}

pub fn pointer(block: &Object, name: &str, default: &str) -> Result<Pointer, Fault> {
    let text = block.opt_str(name)?.unwrap_or(default);
    Pointer::parse(text).ok_or_else(|| Fault::new(format!("\"{text}\" is no JSON pointer")).detail(NOTATION))
}

fn time(block: &Object, name: &str, default: &str) -> Result<Duration, Fault> {
    let text = block.opt_str(name)?.unwrap_or(default);
    parse_duration(text).ok_or_else(|| Fault::new(format!("\"{text}\" is no time")))
}
